"""Which policy an action falls under, and who may decide on a ticket.

Policies are rows, ordered; the first match decides; a built-in last one catches what no row knows. A
condition that cannot be evaluated fails closed: the ticket opens under the strictest tier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet, prefetch_related_objects

from approvals import conditions, policy_words, timeouts, totals
from approvals.conditions import Total
from approvals.contract import Origin, ProposedAction
from approvals.errors import AlreadyDecided, NotAnApprover, NotYourTurn, OwnRequest
from approvals.models import Policy, Ticket
from approvals.states import Gate, OnTimeout, Risk

DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a policy says, as it is copied onto a ticket."""

    name: str
    version: int
    risk: str
    gate: str
    requirements: tuple[tuple[str, int], ...]
    deadline_seconds: int | None = DAY
    on_timeout: str = OnTimeout.REJECT
    steps: tuple[timeouts.Step, ...] = ()
    final_action: str = OnTimeout.REJECT
    may_extend_seconds: int = 0
    may_extend_times: int = 1
    bar_requester: bool = True
    deny_threshold: int = 1
    recall_seconds: int | None = None
    #: What is typed under a manual gate, made from the arguments; see `confirmations`.
    confirm: str = ""
    in_sequence: bool = False
    #: None: by risk.
    bar_editor: bool | None = None
    blind: bool = False
    max_requests: int | None = 5
    remember_seconds: int | None = None
    why: str = ""
    condition_error: str = ""
    #: The running totals that were looked at, with this request and without.
    totals: tuple[dict[str, Any], ...] = ()

    def snapshot(self) -> dict[str, Any]:
        """The JSON kept on the ticket."""
        wanted = [{"group": group, "needed": needed} for group, needed in self.requirements]
        steps = [asdict(step) for step in self.steps]
        return {**asdict(self), "requirements": wanted, "steps": steps, "totals": list(self.totals)}

    @property
    def plan(self) -> timeouts.Plan:
        """What these terms say about deadlines."""
        return timeouts.Plan(on_timeout=self.on_timeout, steps=self.steps, final_action=self.final_action)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A policy ready to be tried."""

    graph: str
    action: str
    condition: str
    terms: Terms

    def is_about(self, action: str, *, graph: str) -> bool:
        """Do the two globs match?"""
        return fnmatchcase(graph, self.graph) and fnmatchcase(action, self.action)


#: An action that no policy knows: medium risk, one approval of `reviewers` within a day, then reject.
UNKNOWN_ACTION = Terms(
    name="Unknown action",
    version=1,
    risk=Risk.MEDIUM,
    gate=Gate.HARD,
    requirements=(("reviewers", 1),),
    why="No policy names this action, so the built-in one applies.",
)

#: A condition that cannot be evaluated: two people who type it, whatever the policy would have said.
STRICTEST = Terms(
    name="Failed closed",
    version=1,
    risk=Risk.CRITICAL,
    gate=Gate.MANUAL,
    requirements=(("reviewers", 2),),
    why="A policy's condition could not be evaluated, so the strictest tier applies.",
)


#: What a policy's columns say and a ticket's terms repeat under the same name.
COPIED = (
    "name",
    "risk",
    "gate",
    "deadline_seconds",
    "on_timeout",
    "final_action",
    "may_extend_seconds",
    "may_extend_times",
    "bar_requester",
    "deny_threshold",
    "recall_seconds",
    "confirm",
    "in_sequence",
    "bar_editor",
    "blind",
    "max_requests",
    "remember_seconds",
)
#: From the laxest to the strictest.
GATES = (Gate.AUTO, Gate.SOFT, Gate.HARD, Gate.MANUAL)


def in_force() -> list[Rule]:
    """The enabled policies in the order in which they are tried. Two queries, four where one escalates."""
    policies = list(Policy.objects.filter(enabled=True).prefetch_related("requirements__group"))
    prefetch_related_objects([p for p in policies if p.on_timeout == OnTimeout.ESCALATE], "steps__group")
    return [rule_of(policy) for policy in policies]


def take_turns(
    rules: Sequence[Rule], actions: Sequence[ProposedAction], *, origin: Origin, requester: User | None
) -> None:
    """Wait for everybody who is opening or editing what adds to the same running totals.

    Before the first `match` of a transaction, for all its actions at once. Which policies are about these
    actions does not matter: what another policy weighs adds to a total just the same.
    """
    asked = {total for rule in rules for total in totals_of(rule)}
    if asked:
        totals.lock(asked, [_subject(action, origin, requester) for action in actions])


def match(
    action: ProposedAction,
    *,
    origin: Origin,
    requester: User | None,
    rules: Sequence[Rule],
    ticket: Ticket | None = None,
) -> Terms:
    """The terms of the first rule that matches, with the totals that were read. `ticket`: it is weighed again."""
    total = totals.Reader(subject=_subject(action, origin, requester, ticket))
    terms = first(rules, facts_of(action, graph=origin.graph, requester=total.subject.requester), total=total)
    return replace(terms, totals=tuple(total.read.values()))


def facts_of(action: ProposedAction, *, graph: str, requester: str) -> dict[str, Any]:
    """What a condition may speak of."""
    return {
        "action": action.action,
        "args": action.args,
        "graph": graph,
        "requester": requester,
        # An agent that claims no confidence has none: it must not slip past "confidence < 0.8".
        "confidence": 0.0 if action.confidence is None else float(action.confidence),
    }


def first(rules: Sequence[Rule], facts: dict[str, Any], *, total: Callable[[Total], float]) -> Terms:
    """The terms of the first rule whose globs and condition match; the strictest where one cannot be evaluated."""
    for rule in rules:
        if not rule.is_about(facts["action"], graph=facts["graph"]):
            continue
        try:
            if conditions.holds(rule.condition, facts, total=total):
                return rule.terms
        except conditions.ConditionError as error:
            return replace(STRICTEST, condition_error=f"{rule.terms.name}: {error}")
    return UNKNOWN_ACTION


def rule_of(policy: Policy) -> Rule:
    """A policy row as a rule."""
    signs = {requirement.group.name: requirement.needed for requirement in policy.requirements.all()}
    columns = {name: getattr(policy, name) for name in (*COPIED, "graph", "action", "condition")}
    return rule(columns, signs, _steps(policy), version=policy.version)


def rule(
    columns: Mapping[str, Any],
    requirements: Mapping[str, int],
    steps: Sequence[timeouts.Step] = (),
    *,
    version: int,
) -> Rule:
    """What a policy's columns, requirements and steps come to."""
    terms = Terms(
        **{name: columns[name] for name in COPIED},
        version=version,
        requirements=tuple(requirements.items()),
        steps=tuple(steps),
        why=_why(columns),
    )
    return Rule(graph=columns["graph"], action=columns["action"], condition=columns["condition"], terms=terms)


def _steps(policy: Policy) -> tuple[timeouts.Step, ...]:
    if policy.on_timeout != OnTimeout.ESCALATE:
        return ()  # most policies do not escalate, and need no query to say so
    return tuple(
        timeouts.Step(group=step.group.name, needed=step.needed, deadline_seconds=step.deadline_seconds)
        for step in policy.steps.all()
    )


def _why(columns: Mapping[str, Any]) -> str:
    """The rule in words: what it applies to, and when."""
    when = f", when {columns['condition']}" if columns["condition"].strip() else ""
    return f"It applies to {policy_words.scope(columns)}{when}."


def _subject(
    action: ProposedAction, origin: Origin, requester: User | None, ticket: Ticket | None = None
) -> totals.Subject:
    return totals.Subject(
        action=action.action,
        graph=origin.graph,
        requester_id=requester.pk if requester else None,
        requester=requester.username if requester else "",
        args=action.args,
        ticket_id=ticket.pk if ticket else None,
    )


def totals_of(rule: Rule) -> frozenset[Total]:
    """The running totals that a rule asks for; none where its condition is broken."""
    try:
        return conditions.totals_of(rule.condition)
    except conditions.ConditionError:
        return frozenset()  # it fails closed when it is tried


def may_decide(user: User, ticket: Ticket) -> None:
    """Raises OwnRequest or NotAnApprover where this person may not decide on the ticket."""
    if ticket.bar_requester and ticket.requester_id == user.pk:
        raise OwnRequest
    if not user.is_active or not ticket.requirements.filter(group__user=user.pk).exists():
        raise NotAnApprover


def may_still_decide(user: User, ticket: Ticket) -> None:
    """As `may_decide`; raises AlreadyDecided too where this person has said their word on the current version."""
    may_decide(user, ticket)
    if ticket.decisions.standing(ticket.revision).filter(reviewer=user).exists():
        raise AlreadyDecided


def colleagues(ticket: Ticket, *, of: User) -> QuerySet[User]:
    """Everybody else who may still decide on the ticket, by name."""
    spoken = ticket.decisions.standing(ticket.revision).values("reviewer")
    groups = ticket.requirements.values("group")
    people = User.objects.filter(is_active=True, groups__in=groups).exclude(pk__in=spoken).exclude(pk=of.pk)
    if ticket.bar_requester and ticket.requester_id:
        people = people.exclude(pk=ticket.requester_id)
    return people.distinct().order_by("username")


def blocked_reason(user: User, ticket: Ticket) -> str | None:
    """The sentence that tells this person why they cannot decide, before they try; None where they can."""
    try:
        may_decide(user, ticket)
    except (OwnRequest, NotAnApprover) as refusal:
        return str(refusal)
    voted = any(d.reviewer_id == user.pk and d.stands(ticket.revision) for d in ticket.decisions.all())
    if voted and ticket.barred_editor_id == user.pk:
        return "You changed the arguments; someone else must approve them."
    return "You have already decided on this version." if voted else None


def is_blind_for(user: User, ticket: Ticket) -> bool:
    """Are the others' words hidden from this reader? From reviewers who have not spoken on the current version."""
    if not ticket.is_blind or any(
        d.reviewer_id == user.pk and d.stands(ticket.revision) for d in ticket.decisions.all()
    ):
        return False
    asked = [requirement.group_id for requirement in ticket.requirements.all()]
    return user.groups.filter(pk__in=asked).exists()


def waiting_reason(user: User, ticket: Ticket) -> str | None:
    """The sentence for somebody whose turn to sign has not come; None where it has, or any order will do."""
    theirs = set(user.groups.values_list("pk", flat=True)) if ticket.in_sequence else set()
    asked = [requirement for requirement in ticket.requirements.all() if requirement.group_id in theirs]
    if not asked or not all(requirement.waits for requirement in asked):
        return None
    first = next(
        requirement for requirement in ticket.requirements.all() if not requirement.waits and requirement.needed
    )
    return str(NotYourTurn(first=first.group.name))
