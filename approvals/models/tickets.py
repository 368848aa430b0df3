"""A ticket, and the named queries over tickets."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.urls import reverse

from approvals import states
from approvals.models.attention import Claim, Handover, Snooze, SnoozeQuerySet
from approvals.models.record import ChainHead
from approvals.models.signatures import Decision, Revision, TicketRequirement
from approvals.states import DecisionType, Execution, Gate, OnTimeout, Outcome, Risk, TicketState

#: Most urgent first where two tickets share a deadline.
RISK_ORDER = {Risk.CRITICAL: 0, Risk.HIGH: 1, Risk.MEDIUM: 2, Risk.LOW: 3}

#: Where nothing else is said, nobody signs what they changed themselves.
EDITOR_BARRED = frozenset({Risk.HIGH, Risk.CRITICAL})


def _snoozes_of(user: Any) -> SnoozeQuerySet:
    return Snooze.objects.live().filter(ticket=OuterRef("pk"), person=user.pk)


class TicketQuerySet(models.QuerySet["Ticket"]):
    """Every query has a name; every page starts from what its reader may see."""

    def visible_to(self, user: Any) -> TicketQuerySet:
        """Tickets of the user's groups, the user's own requests, or all for an auditor."""
        if not user.is_active:
            return self.none()
        if user.has_perm("approvals.view_ticket"):
            return self
        asked = TicketRequirement.objects.filter(ticket=OuterRef("pk"), group__user=user.pk)
        return self.filter(Q(requester=user.pk) | Exists(asked))

    def pending(self) -> TicketQuerySet:
        """Still waiting for people."""
        return self.filter(state=TicketState.PENDING)

    def live(self) -> TicketQuerySet:
        """Asked or answered, not closed without an answer."""
        return self.exclude(state__in=states.CLOSED)

    def held(self) -> TicketQuerySet:
        """Open, or approved and not delivered: what a run that ends leaves to be closed."""
        return self.filter(Q(state=TicketState.PENDING) | Q(state=TicketState.APPROVED, delivered_at=None))

    def resolved(self) -> TicketQuerySet:
        """No longer waiting, newest first."""
        return self.exclude(state=TicketState.PENDING).order_by("-resolved_at", "-id")

    def overdue(self) -> TicketQuerySet:
        """Pending past the deadline by the database's clock, oldest deadline first."""
        return self.pending().filter(deadline_at__lte=Now()).order_by("deadline_at", "id")

    def undelivered(self) -> TicketQuerySet:
        """Resolved, out of the recall window, and its graph has not heard of it."""
        waiting = (TicketState.APPROVED, TicketState.REJECTED, TicketState.ANSWERED, TicketState.EXPIRED)
        return self.filter(state__in=waiting, delivered_at=None, release_at__lte=Now()).exclude(interrupt_id="")

    def needing(self, user: Any) -> TicketQuerySet:
        """Pending tickets on which this user may decide, has not yet, and does not want to put off."""
        return self.waiting_for(user).exclude(Exists(_snoozes_of(user)))

    def snoozed_by(self, user: Any) -> TicketQuerySet:
        """Those that this user has put off, the next to come back first; `until` says when."""
        mine = Snooze.objects.live().filter(person=user.pk)
        until = models.Subquery(mine.filter(ticket=OuterRef("pk")).values("until")[:1])
        # Their ids are fetched first: they are few, and the planner would look through everything that waits.
        found = self.waiting_for(user).filter(pk__in=list(mine.values_list("ticket", flat=True)))
        return found.annotate(until=until).order_by("until", "id")

    def waiting_for(self, user: Any) -> TicketQuerySet:
        """Pending tickets on which this user may decide and has not yet."""
        asked = TicketRequirement.objects.filter(ticket=OuterRef("pk"), group__user=user.pk, waits=False)
        voted = Decision.objects.standing(OuterRef("revision")).filter(ticket=OuterRef("pk"), reviewer=user.pk)
        barred = Q(bar_requester=True, requester=user.pk)
        return self.pending().filter(Exists(asked)).exclude(Exists(voted)).exclude(barred)

    def stuck(self) -> TicketQuerySet:
        """Pending tickets that nobody can complete."""
        return self.pending().exclude(shortage="")

    def not_needing(self, user: Any) -> TicketQuerySet:
        """Pending tickets that wait for somebody else."""
        return self.pending().exclude(pk__in=Ticket.objects.waiting_for(user).values("pk"))

    def decided_before(self, ticket_id: int) -> TicketQuerySet:
        """The resolved tickets that follow this one in the list; all when it is not resolved."""
        last = Ticket.objects.filter(pk=ticket_id).values_list("resolved_at", "pk").first()
        if last is None or last[0] is None:
            return self.resolved()
        return self.resolved().filter(Q(resolved_at__lt=last[0]) | Q(resolved_at=last[0], pk__lt=last[1]))

    def by_urgency(self, user: Any = None) -> TicketQuerySet:
        """What was handed to this user first, then what was escalated, then the nearest deadline, the highest
        risk, the oldest."""
        rank = models.Case(*[models.When(risk=risk, then=n) for risk, n in RISK_ORDER.items()])
        first = models.Case(
            models.When(Exists(Handover.objects.filter(ticket=OuterRef("pk"), receiver=user)), then=0),
            models.When(escalations__gt=0, then=1),
            default=2,
        )
        ranked = self.annotate(first_rank=first, risk_rank=rank)
        return ranked.order_by("first_rank", F("deadline_at").asc(nulls_last=True), "risk_rank", "id")

    def for_list(self) -> TicketQuerySet:
        """All that a row needs, in a fixed number of queries."""
        claim = Claim.objects.live().filter(ticket=OuterRef("pk"))
        looked_after = self.annotate(
            claimed_by=models.Subquery(claim.values("holder__username")[:1]),
            claimed_until=models.Subquery(claim.values("expires_at")[:1]),
        )
        return looked_after.select_related("requester", "handover__giver", "handover__receiver").prefetch_related(
            "revisions", "requirements__group", "decisions__reviewer__groups"
        )


class Ticket(models.Model):
    """One proposed action waiting for people."""

    graph = models.CharField(max_length=200)
    thread_id = models.CharField(max_length=128)
    interrupt_id = models.CharField(max_length=200, blank=True)
    checkpoint_id = models.CharField(max_length=128, blank=True)
    protocol = models.CharField(max_length=40, blank=True)
    position = models.PositiveIntegerField(default=0)
    tool_call_id = models.CharField(max_length=200, blank=True)

    action = models.CharField(max_length=200)
    args_schema = models.JSONField(null=True, blank=True)
    description = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    context = models.JSONField(default=list, blank=True)
    confidence = models.FloatField(null=True, blank=True)

    risk = models.CharField(max_length=10, choices=Risk.choices)
    gate = models.CharField(max_length=10, choices=Gate.choices)
    policy_name = models.CharField(max_length=80)
    policy_version = models.PositiveIntegerField()
    policy = models.JSONField(default=dict)
    allowed_decisions = models.JSONField(default=list)
    answer_releases = models.BooleanField(default=False)
    answer_schema = models.JSONField(null=True, blank=True)
    best_guess = models.JSONField(null=True, blank=True)
    #: Is the guess an answer that the question takes? Found out once: no page and no clock asks a schema again.
    guess_fits = models.BooleanField(default=False)
    confirm_text = models.CharField(max_length=200, blank=True)
    bar_requester = models.BooleanField(default=True)
    deny_threshold = models.PositiveIntegerField(default=1)
    on_timeout = models.CharField(max_length=10, choices=OnTimeout.choices, default=OnTimeout.REJECT)
    #: None: by its risk and by how the decision comes in.
    recall_seconds = models.PositiveIntegerField(null=True, blank=True)
    #: How many escalation steps it has gone through, and how many different people have to sign since.
    escalations = models.PositiveIntegerField(default=0)
    least_signers = models.PositiveIntegerField(default=0)
    extensions = models.PositiveIntegerField(default=0)

    #: Why nobody can complete it; empty where somebody can. And when the administrators were told.
    shortage = models.TextField(blank=True, default="")
    shortage_told_at = models.DateTimeField(null=True, blank=True)

    state = models.CharField(max_length=12, choices=TicketState.choices, default=TicketState.PENDING)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True, default="")
    message = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=1)
    digest = models.CharField(max_length=64)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="requested_tickets",
    )

    #: The refused ticket that this one asks for again, and how often the agent has asked by now.
    follows = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="followers")
    request_number = models.PositiveIntegerField(default=1)

    opened_at = models.DateTimeField(db_default=Now())
    deadline_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    release_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    execution = models.CharField(max_length=12, choices=Execution.choices, default=Execution.NOT_STARTED)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)

    #: Where its chain of audit entries ends; known while the row lock is held.
    chain: ChainHead | None = None

    objects = TicketQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("thread_id", "interrupt_id", "position"),
                condition=~Q(interrupt_id="") & ~Q(state__in=states.CLOSED),
                name="ticket_once_per_interrupt",
            ),
            models.CheckConstraint(condition=Q(state__in=TicketState.values), name="ticket_known_state"),
            models.CheckConstraint(
                condition=reduce(or_, (Q(state=s, outcome__in=sorted(o)) for s, o in states.OUTCOMES.items())),
                name="ticket_outcome_of_state",
            ),
            models.CheckConstraint(
                condition=Q(state=TicketState.PENDING, resolved_at=None, release_at=None)
                | (~Q(state=TicketState.PENDING) & Q(resolved_at__isnull=False)),
                name="ticket_resolved_has_time",
            ),
            models.CheckConstraint(condition=Q(execution__in=Execution.values), name="ticket_known_execution"),
            models.CheckConstraint(
                condition=Q(delivered_at=None) | ~Q(state=TicketState.PENDING),
                name="ticket_delivered_was_resolved",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=("deadline_at", "id"),
                condition=Q(state=TicketState.PENDING),
                name="ticket_pending_idx",
            ),
            models.Index(
                fields=("-resolved_at", "-id"),
                condition=~Q(state=TicketState.PENDING),
                name="ticket_resolved_idx",
            ),
            models.Index(
                fields=("release_at",),
                condition=Q(delivered_at=None) & ~Q(state=TicketState.PENDING),
                name="ticket_undelivered_idx",
            ),
            models.Index(fields=("thread_id",), name="ticket_thread_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.action} ({self.pk})"

    def get_absolute_url(self) -> str:
        return reverse("approvals:ticket", args=(self.pk,))

    @property
    def current(self) -> Revision:
        """The revision that a decision is about; uses the prefetched revisions where there are any."""
        return next(r for r in self.revisions.all() if r.number == self.revision)

    @property
    def args(self) -> dict[str, Any]:
        """The current arguments."""
        args: dict[str, Any] = self.current.args
        return args

    @property
    def signs(self) -> frozenset[str]:
        """The words that are signatures. Behind a soft gate an edit only changes what runs at the deadline."""
        if self.gate == Gate.SOFT:
            return frozenset({DecisionType.APPROVE})
        return frozenset({DecisionType.APPROVE, DecisionType.EDIT})

    @property
    def in_sequence(self) -> bool:
        """Do its groups sign one after the other?"""
        return bool(self.policy.get("in_sequence"))

    @property
    def is_blind(self) -> bool:
        """Are the others' words hidden from a reviewer who has not spoken?"""
        return bool(self.policy.get("blind")) and self.is_open

    @property
    def bars_editor(self) -> bool:
        """May whoever changed the arguments last not sign them?"""
        said = self.policy.get("bar_editor")
        return self.risk in EDITOR_BARRED if said is None else bool(said)

    @property
    def barred_editor_id(self) -> int | None:
        """Who may not sign because the current arguments are theirs."""
        return self.current.author_id if self.bars_editor and self.revision > 1 else None

    @property
    def escalated_to(self) -> str:
        """The group that it was passed on to last; empty where it was not."""
        gone_through = self.policy.get("steps", [])[: self.escalations]
        return str(gone_through[-1]["group"]) if gone_through else ""

    @property
    def is_open(self) -> bool:
        """May people still decide?"""
        return TicketState(self.state).is_open
