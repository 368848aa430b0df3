"""The ledger: one row for each time that an approved action may be carried out."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from django.db import models
from django.db.models import F, Q
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
#: Ranks below this are sure: the effect of the same place, or of the same id.
OF_ITS_OWN = 2
ID = models.BigIntegerField()


class CallFacts(Protocol):
    """A call, as the ledger looks for its effect."""

    @property
    def thread_id(self) -> str: ...
    @property
    def token(self) -> int: ...
    @property
    def action(self) -> str: ...
    @property
    def call_id(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def place(self) -> str: ...


class EffectQuerySet(models.QuerySet["Effect"]):
    """Every query has a name."""

    def of_call(self, call: CallFacts) -> EffectQuerySet:
        """Those that this call may be, the likeliest first.

        The one that was begun at its place; the newest of its id; an approval of the same arguments that no call
        has used, the oldest first; one of this execution that came to nothing; what an earlier worker's turn made
        of the same arguments at a place that is no more, as in a fork. Never what another call of this turn used.
        """
        mine = self.filter(thread_id=call.thread_id, action=call.action).exclude(state=EffectState.WITHDRAWN)
        named = Q(tool_call_id=call.call_id) if call.call_id else Q(pk=None)
        same = Q(digest=call.digest, tool_call_id="") if call.call_id else Q(digest=call.digest)
        here, own = (Q(place=call.place), Q(place__startswith=call.task)) if call.task else (Q(pk=None), Q(pk=None))
        past = Q(lease_token=None) | Q(lease_token__lt=call.token)
        free = same & (Q(place="") | past & ~own)
        failed = same & own & Q(state=EffectState.FAILED, kept=None)
        ranks = (
            here,
            named & (Q(digest=call.digest) | Q(state__in=LIVE)),
            free & Q(state=EffectState.AUTHORISED, tool_call_id=""),
            free & Q(state=EffectState.AUTHORISED),
            failed,
            free,
        )
        whens = [models.When(found, then=models.Value(rank)) for rank, found in enumerate(ranks)]
        newest_first = models.Case(
            models.When(rank__lt=OF_ITS_OWN, then=-F("ticket_id")), default=F("ticket_id"), output_field=ID
        )
        found = mine.filter(here | named | free | failed)
        return found.annotate(rank=models.Case(*whens, default=models.Value(len(ranks)))).order_by(
            "rank", newest_first, "-number"
        )

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

    #: The call that it is, of several with the same arguments: see `agents.places`. Empty until it is begun.
    place = models.CharField(max_length=400, blank=True, default="", db_default="")
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
