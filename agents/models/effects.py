"""The ledger: one row for each time that an approved action may be carried out."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models import Ticket


class EffectState(models.TextChoices):
    """How far an effect has come."""

    AUTHORISED = "authorised", "Approved, not begun"
    STARTED = "started", "Begun"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed, nothing happened"
    UNKNOWN = "unknown", "Not known"
    HAPPENED = "happened", "Happened, as somebody found out"
    NOT_HAPPENED = "not_happened", "Did not happen, as somebody found out"
    WITHDRAWN = "withdrawn", "Never begun"


#: Every allowed move. `started → started` is a second try with the same key, of a tool that knows keys;
#: `started → authorised` a call that asked people its next question instead of coming to an end.
MOVES: dict[EffectState, frozenset[EffectState]] = {
    EffectState.AUTHORISED: frozenset({EffectState.STARTED, EffectState.WITHDRAWN}),
    EffectState.STARTED: frozenset(
        {
            EffectState.STARTED,
            EffectState.AUTHORISED,
            EffectState.SUCCEEDED,
            EffectState.FAILED,
            EffectState.UNKNOWN,
        }
    ),
    EffectState.UNKNOWN: frozenset({EffectState.HAPPENED, EffectState.NOT_HAPPENED}),
    EffectState.SUCCEEDED: frozenset(),
    EffectState.FAILED: frozenset(),
    EffectState.HAPPENED: frozenset(),
    EffectState.NOT_HAPPENED: frozenset(),
    EffectState.WITHDRAWN: frozenset(),
}
#: Not over: a ticket has one such effect at a time.
LIVE = (EffectState.AUTHORISED, EffectState.STARTED, EffectState.UNKNOWN)
UNBEGUN = (EffectState.AUTHORISED, EffectState.WITHDRAWN)
OVER = tuple(state for state in EffectState if state not in LIVE)


class EffectQuerySet(models.QuerySet["Effect"]):
    """Every query has a name."""

    def of_call(self, *, thread_id: str, action: str, call_id: str, digest: str) -> EffectQuerySet:
        """Those of one call of the model, the newest approval first; without an id, of the same arguments."""
        mine = self.filter(thread_id=thread_id, action=action).exclude(state=EffectState.WITHDRAWN)
        named = Q(tool_call_id=call_id) | Q(tool_call_id="", digest=digest) if call_id else Q(digest=digest)
        # Of two approvals of the same arguments the one that can still be used comes first.
        rank = models.Case(models.When(state=EffectState.AUTHORISED, then=0), default=1)
        return mine.filter(named).order_by(*(() if call_id else (rank,)), "-ticket_id", "-number")

    def under_way(self) -> EffectQuerySet:
        """Begun, and no outcome is written down."""
        return self.filter(state=EffectState.STARTED)


class Effect(models.Model):
    """One execution of a dangerous tool: at most once, and honest about doubt."""

    #: H(ticket, revision, tool call, number): what a provider is given as idempotency key.
    effect_id = models.CharField(max_length=64, unique=True)
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="effects")
    thread_id = models.CharField(max_length=128)
    revision = models.PositiveIntegerField()
    #: Which try under the same approval this is, from 1.
    number = models.PositiveIntegerField(default=1)
    action = models.CharField(max_length=200)
    tool_call_id = models.CharField(max_length=200, blank=True)
    #: Of the approved arguments; what a tool is called with must have the same.
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=EffectState.choices, default=EffectState.AUTHORISED)

    #: Made anew by each claim: by it the claimer, and nobody else, knows its claim again.
    claim = models.CharField(max_length=32, blank=True)
    #: The lease under which it was begun, and whose: host and process.
    lease_token = models.BigIntegerField(null=True, blank=True)
    owner = models.CharField(max_length=200, blank=True)
    deadline_seconds = models.PositiveIntegerField(default=60)
    #: Until when the tool may be called again with the same key; None where it knows no keys.
    retry_until = models.DateTimeField(null=True, blank=True)
    #: The tool can be asked whether it happened.
    has_probe = models.BooleanField(default=False)

    authorised_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    #: For people.
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    #: What the graph is given when it comes here again, as the checkpointer writes values.
    kept = models.BinaryField(null=True, blank=True)
    kept_as = models.CharField(max_length=40, blank=True)
    #: What a worker said that had lost its run: evidence for whoever settles the doubt.
    late: Any = models.JSONField(null=True, blank=True)

    objects = EffectQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("ticket", "revision", "number"), name="effect_once_per_authorisation"),
            models.UniqueConstraint(fields=("ticket",), condition=Q(state__in=LIVE), name="effect_one_live_per_ticket"),
            models.CheckConstraint(condition=Q(state__in=EffectState.values), name="effect_known_state"),
            models.CheckConstraint(
                condition=Q(state__in=UNBEGUN) | Q(started_at__isnull=False, lease_token__isnull=False) & ~Q(claim=""),
                name="effect_begun_under_a_lease",
            ),
            models.CheckConstraint(
                condition=Q(state__in=LIVE, settled_at=None) | Q(state__in=OVER, settled_at__isnull=False),
                name="effect_settled_has_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=("thread_id", "tool_call_id"),
                condition=~Q(state=EffectState.WITHDRAWN),
                name="effect_call_idx",
            ),
            models.Index(
                fields=("started_at",),
                condition=Q(state__in=[EffectState.STARTED, EffectState.UNKNOWN]),
                name="effect_doubt_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.effect_id[:12]}: {self.state}"
