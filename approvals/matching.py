"""What a policy comes to when it is tried: rules in order, the first that matches gives its terms. No query.

A condition that cannot be evaluated fails closed: the strictest terms apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from approvals import conditions, policy_words, timeouts
from approvals.conditions import Total
from approvals.contract import ProposedAction
from approvals.models import Policy
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
    #: None: by risk; see `friction`.
    ask_reason: bool | None = None
    ask_sign_in: bool | None = None
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
    "ask_reason",
    "ask_sign_in",
    "max_requests",
    "remember_seconds",
)
#: From the laxest to the strictest.
GATES = (Gate.AUTO, Gate.SOFT, Gate.HARD, Gate.MANUAL)


def facts_of(action: ProposedAction, *, graph: str, requester: str) -> dict[str, Any]:
    """What a condition may speak of."""
    return {
        "action": action.action,
        "args": action.args,
        "graph": graph,
        "requester": requester,
        # An agent that claims no confidence has none: it must not slip past "confidence < 0.8".
        "confidence": 0.0 if action.confidence is None else float(action.confidence),
        # Of what nobody knows, medium is assumed: it must not slip past a rule about much risk, or about little.
        "risk": action.card.risk or Risk.MEDIUM.value,
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


def totals_of(rule: Rule) -> frozenset[Total]:
    """The running totals that a rule asks for; none where its condition is broken."""
    try:
        return conditions.totals_of(rule.condition)
    except conditions.ConditionError:
        return frozenset()  # it fails closed when it is tried
