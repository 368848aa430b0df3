"""What belongs to a ticket: who must sign, the versions of its arguments, who said what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.states import DecisionType


class TicketRequirement(models.Model):
    """n sign-offs from a group, as the policy asked when the ticket opened or an escalation step asks now.

    None needed: the ticket was passed on to another group, and this one may still sign.
    """

    ticket = models.ForeignKey("approvals.Ticket", on_delete=models.CASCADE, related_name="requirements")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    needed = models.PositiveIntegerField(default=1)
    #: An earlier requirement has to be met first.
    waits = models.BooleanField(default=False)

    #: Is whoever decides in the group? Known where `policy.fetch_asked` was asked.
    is_theirs = False

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("ticket", "group"), name="ticket_requirement_once_per_group"),
        ]

    def __str__(self) -> str:
        return f"{self.needed} of {self.group}"


class Revision(models.Model):
    """One version of a ticket's arguments. Number 1 is the agent's; an edit makes the next."""

    ticket = models.ForeignKey("approvals.Ticket", on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    args = models.JSONField()
    digest = models.CharField(max_length=64)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("number",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("ticket", "number"), name="revision_once_per_number"),
        ]
        # Running totals look for the requests to one recipient, whatever the argument is called.
        indexes: ClassVar = [GinIndex(fields=("args",), opclasses=("jsonb_path_ops",), name="revision_args_idx")]

    def __str__(self) -> str:
        return f"revision {self.number}"


class DecisionQuerySet(models.QuerySet["Decision"]):
    """What was said, by what it is worth now."""

    def standing(self, revision: int | models.F | models.OuterRef) -> DecisionQuerySet:
        """The words on this revision that nobody took back."""
        return self.filter(revision=revision, withdrawn_at=None)

    def recalled(self, revision: int) -> DecisionQuerySet:
        """The words on this revision that stood and were taken back."""
        return self.filter(revision=revision, withdrawn_at__gt=models.F("at"))


class Decision(models.Model):
    """One reviewer's word on one revision."""

    ticket = models.ForeignKey("approvals.Ticket", on_delete=models.CASCADE, related_name="decisions")
    revision = models.PositiveIntegerField()
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    type = models.CharField(max_length=10, choices=DecisionType.choices)
    message = models.TextField(blank=True)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now())
    #: When an approval was recalled: the only thing that is ever added to a decision, and once. From the start on an
    #: edit by somebody whose turn to sign comes later: it changes the arguments and is no word on them.
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    #: Set where it was said on several tickets at once.
    batch = models.ForeignKey(
        "approvals.Batch", null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )

    #: The groups that are asked and that the reviewer is in, by name. Known where `sign_off.said` was asked.
    speaks_for: Sequence[str] | None = None

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("ticket", "revision", "reviewer"),
                condition=Q(withdrawn_at=None),
                name="decision_once_per_reviewer",
            ),
            models.CheckConstraint(condition=Q(type__in=DecisionType.values), name="decision_known_type"),
        ]

    def __str__(self) -> str:
        return f"{self.type} by {self.reviewer}"

    @property
    def was_recalled(self) -> bool:
        """Did it stand, and was taken back?"""
        return self.withdrawn_at is not None and self.withdrawn_at != self.at

    def stands(self, revision: int) -> bool:
        """Is it a word on this revision, and not taken back?"""
        return self.revision == revision and self.withdrawn_at is None
