"""A ticket: what was proposed, under which terms, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any, ClassVar, NamedTuple

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from approvals import states, wording
from approvals.models.attention import Handover
from approvals.models.record import ChainHead
from approvals.models.signatures import Revision, TicketRequirement
from approvals.models.ticket_lists import TicketQuerySet
from approvals.models.urgency import URGENCY
from approvals.states import DecisionType, Execution, Gate, OnTimeout, Outcome, Risk, TicketState

#: Where nothing else is said, nobody signs what they changed themselves.
EDITOR_BARRED = frozenset({Risk.HIGH, Risk.CRITICAL})


class Opening(NamedTuple):
    """What was written with a ticket that was opened just now."""

    revision: Revision
    requirements: list[TicketRequirement]


class Ticket(models.Model):
    """One proposed action waiting for people."""

    graph = models.CharField(max_length=200)
    thread_id = models.CharField(max_length=128)
    interrupt_id = models.CharField(max_length=200, blank=True)
    checkpoint_id = models.CharField(max_length=128, blank=True)
    protocol = models.CharField(max_length=40, blank=True)
    position = models.PositiveIntegerField(default=0)
    tool_call_id = models.CharField(max_length=200, blank=True)
    #: Does the action run through the ledger of effects, which keeps it from running twice?
    is_ledgered = models.BooleanField(default=False)

    action = models.CharField(max_length=200)
    args_schema = models.JSONField(null=True, blank=True)
    description = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    evidence = models.JSONField(default=list, db_default=[], blank=True)
    case_for = models.TextField(blank=True, default="", db_default="")
    case_against = models.TextField(blank=True, default="", db_default="")
    context = models.JSONField(default=list, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    #: What was known of the action when the ticket opened; see `cards`.
    card = models.JSONField(default=dict, blank=True)

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

    #: Ids of the groups whose members may decide, and of those whose turn it is. A trigger keeps them.
    asked = ArrayField(models.IntegerField(), default=list, editable=False)
    asked_now = ArrayField(models.IntegerField(), default=list, editable=False)

    #: Why nobody can complete it; empty where somebody can.
    shortage = models.TextField(blank=True, default="")

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

    #: The ticket in doubt that this one asks people about.
    about = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="questions")
    #: The remembered approval that lets it run without asking, for as long as that one stands.
    grant = models.ForeignKey(
        "approvals.Grant", null=True, blank=True, on_delete=models.PROTECT, related_name="uses", db_index=False
    )
    #: The refused ticket that this one asks for again, and how often the agent has asked by now.
    follows = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="followers")
    request_number = models.PositiveIntegerField(default=1)

    opened_at = models.DateTimeField(db_default=Now())
    deadline_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    release_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    #: When its arguments and words were erased for somebody's privacy; the record says by whom and why.
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    execution = models.CharField(max_length=12, choices=Execution.choices, default=Execution.NOT_STARTED)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)

    #: Where its chain of audit entries ends; known while the row lock is held.
    chain: ChainHead | None = None
    #: Known to whoever opened it.
    opening: Opening | None = None

    objects = TicketQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("thread_id", "interrupt_id", "position"),
                condition=~Q(interrupt_id="") & ~Q(state__in=states.CLOSED),
                name="ticket_once_per_interrupt",
            ),
            models.UniqueConstraint(
                fields=("about",), condition=Q(state=TicketState.PENDING), name="ticket_asks_once_about_a_doubt"
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
            models.Index(URGENCY, "id", condition=Q(state=TicketState.PENDING), name="ticket_urgency_idx"),
            models.Index("risk", URGENCY, "id", condition=Q(state=TicketState.PENDING), name="ticket_of_risk_idx"),
            models.Index("graph", URGENCY, "id", condition=Q(state=TicketState.PENDING), name="ticket_of_graph_idx"),
            models.Index("action", URGENCY, "id", condition=Q(state=TicketState.PENDING), name="ticket_of_action_idx"),
            GinIndex(fields=("asked", "asked_now"), condition=Q(state=TicketState.PENDING), name="ticket_asked_idx"),
            models.Index(
                fields=("asked", "asked_now"), condition=Q(state=TicketState.PENDING), name="ticket_circle_idx"
            ),
            models.Index(fields=("requester",), condition=Q(state=TicketState.PENDING), name="ticket_requested_idx"),
            models.Index(
                fields=("id",), condition=Q(state=TicketState.PENDING) & ~Q(shortage=""), name="ticket_stuck_idx"
            ),
            models.Index(
                fields=("-resolved_at", "-id"),
                condition=~Q(state=TicketState.PENDING),
                name="ticket_resolved_idx",
            ),
            # What is rare is found by its state or its risk, by its graph and action, or by who may see it.
            *(
                models.Index(
                    fields=(trait, "-resolved_at", "-id"),
                    condition=~Q(state=TicketState.PENDING),
                    name=f"ticket_past_{trait}_idx",
                )
                for trait in ("state", "risk")
            ),
            GinIndex(fields=("asked",), condition=~Q(state=TicketState.PENDING), name="ticket_past_asked_idx"),
            models.Index(
                fields=("graph", "action", "-resolved_at", "-id"),
                condition=~Q(state=TicketState.PENDING),
                name="ticket_same_kind_idx",
            ),
            models.Index(
                fields=("release_at",),
                condition=Q(delivered_at=None) & ~Q(state=TicketState.PENDING),
                name="ticket_undelivered_idx",
            ),
            models.Index(fields=("thread_id",), name="ticket_thread_idx"),
        ]

    def __str__(self) -> str:
        return f"{wording.visible(self.action)} ({self.pk})"

    def get_absolute_url(self) -> str:
        return reverse("approvals:ticket", args=(self.pk,))

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """The arguments too: an erasure takes them out of a revision that keeps its number."""
        vars(self).pop("_current", None)
        super().refresh_from_db(*args, **kwargs)

    def know(self, **relations: Sequence[models.Model]) -> None:
        """Its rows of these relations, by whoever has just written them: as a list would have brought them along."""
        for name, rows in relations.items():
            found = getattr(self, name).all()
            found._result_cache, found._prefetch_done = list(rows), True
            self._prefetched_objects_cache = {**getattr(self, "_prefetched_objects_cache", {}), name: found}

    def has_fetched(self, relation: str) -> bool:
        """Did a list bring these along?"""
        return relation in getattr(self, "_prefetched_objects_cache", {})

    @property
    def current(self) -> Revision:
        """The revision that a decision is about, fetched once; uses the prefetched revisions where there are any."""
        kept: Revision | None = vars(self).get("_current")
        if kept is None or kept.number != self.revision:
            kept = self._current = next(r for r in self.revisions.all() if r.number == self.revision)
        return kept

    @property
    def handed_over(self) -> Handover | None:
        """Whom somebody asked to decide, if anybody; no query where a list was fetched."""
        return getattr(self, "handover", None)

    @property
    def args(self) -> dict[str, Any]:
        """The current arguments."""
        if "fetched_args" not in vars(self):
            args: dict[str, Any] = self.current.args
        else:
            args = vars(self)["fetched_args"]  # by a list, without the revision: see `with_args`
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
        if not self.bars_editor or self.revision == 1:
            return None
        if "fetched_author" not in vars(self):
            return self.current.author_id
        author: int | None = vars(self)["fetched_author"]
        return author

    @property
    def escalated_to(self) -> str:
        """The group that it was passed on to last; empty where it was not."""
        gone_through = self.policy.get("steps", [])[: self.escalations]
        return str(gone_through[-1]["group"]) if gone_through else ""

    @property
    def is_open(self) -> bool:
        """May people still decide?"""
        return TicketState(self.state).is_open
