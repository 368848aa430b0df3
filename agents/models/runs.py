"""A run, and the named queries over runs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.urls import reverse

from approvals.models import Ticket
from approvals.states import Gate, TicketState


class RunStatus(models.TextChoices):
    """Where a run stands."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    REJECTED = "rejected", "Rejected"
    CANCELLED = "cancelled", "Cancelled"

    @property
    def is_over(self) -> bool:
        """Will nothing more happen by itself?"""
        return self not in {RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED}


class Wish(models.TextChoices):
    """What somebody asked for and no worker has done yet."""

    CANCEL = "cancel", "Cancel"
    RETRY = "retry", "Try again"
    REPAIR = "repair", "Repair"


class RunQuerySet(models.QuerySet["Run"]):
    """Every query has a name."""

    def visible_to(self, user: Any) -> RunQuerySet:
        """The user's own runs and those with a ticket the user may see; all for an auditor."""
        if not user.is_active:
            return self.none()
        if user.has_perm("agents.view_run"):
            return self
        seen = Ticket.objects.visible_to(user).values("thread_id")
        return self.filter(Q(requester=user.pk) | Q(thread_id__in=seen))

    def with_doubt(self) -> RunQuerySet:
        """Each knows at once whether people are being asked what became of one of its actions."""
        asked = Ticket.objects.pending().filter(thread_id=OuterRef("thread_id"), about__isnull=False)
        return self.annotate(is_asked_about=Exists(asked))

    def told(self) -> RunQuerySet:
        """All that their badges say. `is_undone`: people were asked, and nothing that they were asked for was let
        through; what needs nobody's signature is no answer to that."""
        asked = Ticket.objects.filter(thread_id=OuterRef("thread_id")).exclude(gate=Gate.AUTO)
        let_through = asked.filter(state__in=(TicketState.APPROVED, TicketState.ANSWERED))
        refused = asked.filter(state__in=(TicketState.REJECTED, TicketState.EXPIRED))
        return self.with_doubt().select_related("requester").annotate(is_undone=Exists(refused) & ~Exists(let_through))


class Run(models.Model):
    """One LangGraph thread that Countersign drives."""

    thread_id = models.CharField(max_length=128, unique=True)
    graph = models.CharField(max_length=200)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="runs"
    )
    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.QUEUED)
    input = models.JSONField(default=dict)
    model = models.CharField(max_length=200, default="scripted")
    #: The conversation as plain values, so that a page never loads the graph.
    transcript = models.JSONField(default=list, blank=True)
    output = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    #: The nodes that a paused run waits at; of a subgraph's node the whole way, "team:pay".
    waiting_at = models.JSONField(default=list, blank=True)

    #: The fence: it only grows, and a write with an older one is refused.
    lease_token = models.BigIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=200, blank=True)
    #: Which workers lost the run since its last input, in the middle of something that they may still be doing.
    lost_by = models.JSONField(default=list, db_default=[], blank=True)

    wish = models.CharField(max_length=8, choices=Wish.choices, blank=True)
    wished_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    #: The interrupt whose answer the graph was last given; it stays when the step fails.
    answering = models.CharField(max_length=200, blank=True)
    #: The thread's newest checkpoint before the last input: still the newest if that never arrived.
    begun_from = models.CharField(max_length=128, blank=True)
    #: How often a worker had to be replaced without the run getting any further.
    recoveries = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField(db_default=Now())
    #: When the requester last said what to do.
    begun_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    #: What it said of people was erased; it never goes on.
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="run_known_status"),
            models.CheckConstraint(condition=Q(wish__in=["", *Wish.values]), name="run_known_wish"),
        ]
        indexes: ClassVar = [
            models.Index(fields=("-id",), condition=Q(status__in=["queued", "running", "paused"]), name="run_live_idx")
        ]

    def __str__(self) -> str:
        return f"{self.graph} {self.thread_id}"

    def get_absolute_url(self) -> str:
        return reverse("agents:run", args=(self.thread_id,))

    @property
    def is_in_doubt(self) -> bool:
        """Are people being asked what became of one of its actions? See `with_doubt` where there are many."""
        if self.status != RunStatus.FAILED:
            return False
        known: bool | None = getattr(self, "is_asked_about", None)
        asked = Ticket.objects.pending().filter(thread_id=self.thread_id, about__isnull=False)
        return asked.exists() if known is None else known

    @property
    def is_for_nothing(self) -> bool:
        """Is it over, and nothing was let through that people were asked for? Only `told` knows."""
        return self.status == RunStatus.SUCCEEDED and bool(getattr(self, "is_undone", False))

    @property
    def standing(self) -> RunStatus:
        """The status for people and programs: what waits for an answer is not over, whatever broke it off."""
        return RunStatus.PAUSED if self.is_in_doubt else RunStatus(self.status)
