"""What a deadline brings: the plan of a policy, the next thing it says for a ticket, and plans that must not be. Pure.

The page, the job at the deadline and the sweep all ask `ahead`, so that what is announced is what happens.
A plan that cannot be kept for a ticket falls to `reject`: nothing runs because a clock ran out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.states import Channel, DecisionType, Gate, OnTimeout, Risk

#: What a clock may do by itself, from nothing to everything. A chain that does not end lets nothing pass.
_LEEWAY = {OnTimeout.REJECT: 0, OnTimeout.ESCALATE: 0, OnTimeout.ANSWER: 1, OnTimeout.APPROVE: 2}


#: How long a person's approval in a browser is held, so that it can be taken back.
RECALL_SECONDS = {Risk.LOW: 0, Risk.MEDIUM: 5, Risk.HIGH: 10, Risk.CRITICAL: 20}


@dataclass(frozen=True, kw_only=True)
class Step:
    """The next group and the time it gets."""

    group: str
    needed: int
    deadline_seconds: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a policy says about deadlines."""

    on_timeout: str = OnTimeout.REJECT
    steps: tuple[Step, ...] = ()
    #: What happens when the last step has timed out too.
    final_action: str = OnTimeout.REJECT

    @property
    def ends_in(self) -> str:
        """What the clock does in the end if nobody decides."""
        return self.final_action if self.on_timeout == OnTimeout.ESCALATE else self.on_timeout

    def is_softer_than(self, other: Plan) -> bool:
        """Does this plan let the clock do more than the other one does?"""
        return _LEEWAY[OnTimeout(self.ends_in)] > _LEEWAY[OnTimeout(other.ends_in)]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a ticket brings to its deadline."""

    risk: str
    gate: str
    #: How many steps it has gone through.
    passed: int = 0
    #: Has somebody who may decide rejected it, though not enough to end it?
    is_opposed: bool = False
    allowed_decisions: Sequence[str] = ()
    best_guess: Any = None
    #: Is it an answer that the question takes?
    guess_fits: bool = False


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """What the deadline of a ticket brings."""

    action: OnTimeout
    step: Step | None = None
    #: Why it is a rejection although the policy says something else.
    why: str = ""


def plan_of(on_timeout: str, terms: Mapping[str, Any]) -> Plan:
    """The plan in the copy of a policy that a ticket keeps."""
    return Plan(
        on_timeout=on_timeout,
        steps=tuple(Step(**step) for step in terms.get("steps", ())),
        final_action=terms.get("final_action", OnTimeout.REJECT),
    )


def ahead(plan: Plan, ticket: Standing) -> Ahead:
    """What the next deadline of this ticket brings."""
    if plan.on_timeout == OnTimeout.ESCALATE and ticket.passed < len(plan.steps):
        return Ahead(action=OnTimeout.ESCALATE, step=plan.steps[ticket.passed])
    last = OnTimeout(plan.ends_in)
    if last == OnTimeout.APPROVE and not (why := _why_not_approve(ticket)):
        return Ahead(action=last)
    if last == OnTimeout.ANSWER and not (why := _why_not_answer(ticket)):
        return Ahead(action=last)
    return Ahead(action=OnTimeout.REJECT, why=why if last in {OnTimeout.APPROVE, OnTimeout.ANSWER} else "")


def recall_window(seconds: int | None, *, risk: str, via: Channel | None) -> int:
    """How many seconds an approval is held: as the policy says, or by risk for a click and not for a call."""
    if via is None:
        return 0  # no person approved it: there is nobody who could have slipped
    if seconds is not None:
        return seconds
    return RECALL_SECONDS[Risk(risk)] if via is Channel.BROWSER else 0


def problems(plan: Plan, *, risk: str, gate: str, graph: str = "*", action: str = "*") -> Iterator[tuple[str, str]]:
    """(field, sentence) for everything that makes this plan one that must not be saved."""
    yield from (("on_timeout", sentence) for sentence in idle(plan))
    if plan.final_action == OnTimeout.ESCALATE:
        yield "final_action", "The chain must end: choose what happens after the last step."
    for field, end in (("on_timeout", plan.on_timeout), ("final_action", plan.final_action)):
        if end == OnTimeout.APPROVE and not _may_pass_unopposed(risk, gate):
            yield field, "Only a soft gate or low risk may be approved by a deadline; choose reject."
        if end == OnTimeout.ANSWER and not _may_be_guessed(risk):
            yield field, "An agent does not answer itself where the risk is high or critical; choose reject."
        if end == OnTimeout.ANSWER and graph == "*" and action == "*":
            yield field, "An agent answers itself only to questions you know: name the graph or the action."


def idle(plan: Plan) -> Iterator[str]:
    """Escalation without a step, or steps without escalation."""
    if plan.on_timeout == OnTimeout.ESCALATE and not plan.steps:
        yield "Escalation needs at least one step that says which group is next."
    if plan.on_timeout != OnTimeout.ESCALATE and plan.steps:
        yield "Escalation steps are used only where the timeout is “escalate”."


def _may_pass_unopposed(risk: str, gate: str) -> bool:
    return risk == Risk.LOW or (gate == Gate.SOFT and risk == Risk.MEDIUM)


def _may_be_guessed(risk: str) -> bool:
    return risk in {Risk.LOW, Risk.MEDIUM}


def _why_not_approve(ticket: Standing) -> str:
    if not _may_pass_unopposed(ticket.risk, ticket.gate):
        return "It weighs too much to be approved by a deadline."
    return "Somebody has rejected it." if ticket.is_opposed else ""


def _why_not_answer(ticket: Standing) -> str:
    if not _may_be_guessed(ticket.risk):
        return "Its risk is too high for the agent to answer itself."
    if ticket.is_opposed:
        return "Somebody has rejected it."
    if ticket.best_guess is None:
        return "The agent gave no best guess."
    if DecisionType.RESPOND not in ticket.allowed_decisions:
        return "The agent's question takes no answer in words."
    return "" if ticket.guess_fits else "The agent's best guess is not an answer its own question takes."
