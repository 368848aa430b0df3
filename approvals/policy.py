"""Which policy an action falls under, and who may decide on a ticket.

Policies are rows, ordered; the first match decides; a built-in last one catches what no row knows. A
condition that cannot be evaluated fails closed: the ticket opens under the strictest tier.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from django.contrib.auth.models import User

from approvals import conditions, timeouts
from approvals.contract import Origin, ProposedAction
from approvals.errors import NotAnApprover, OwnRequest
from approvals.models import RISK_ORDER, Policy, Ticket
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
    recall_seconds: int = 0
    max_requests: int | None = 5
    why: str = ""
    condition_error: str = ""

    def snapshot(self) -> dict[str, Any]:
        """The JSON kept on the ticket."""
        wanted = [{"group": group, "needed": needed} for group, needed in self.requirements]
        return {**asdict(self), "requirements": wanted, "steps": [asdict(step) for step in self.steps]}

    @property
    def plan(self) -> timeouts.Plan:
        """What these terms say about deadlines."""
        return timeouts.Plan(on_timeout=self.on_timeout, steps=self.steps, final_action=self.final_action)


#: An action that no policy knows: medium risk, one approval of `reviewers` within a day, then reject.
UNKNOWN_ACTION = Terms(
    name="Unknown action",
    version=1,
    risk=Risk.MEDIUM,
    gate=Gate.HARD,
    requirements=(("reviewers", 1),),
    why="No policy names this action, so the built-in one applies.",
)

#: A condition that cannot be evaluated: two people, whatever the policy would have said.
STRICTEST = Terms(
    name="Failed closed",
    version=1,
    risk=Risk.CRITICAL,
    gate=Gate.HARD,
    requirements=(("reviewers", 2),),
    why="A policy's condition could not be evaluated, so the strictest tier applies.",
)


def match(action: ProposedAction, *, origin: Origin, requester: User | None) -> Terms:
    """The terms of the first policy that matches. Two queries, whatever the number of policies."""
    facts = {
        "action": action.action,
        "args": action.args,
        "graph": origin.graph,
        "requester": requester.username if requester else "",
        # An agent that claims no confidence has none: it must not slip past "confidence < 0.8".
        "confidence": 0.0 if action.confidence is None else float(action.confidence),
    }
    for policy in Policy.objects.filter(enabled=True).prefetch_related("requirements__group"):
        if not (fnmatchcase(origin.graph, policy.graph) and fnmatchcase(action.action, policy.action)):
            continue
        try:
            if conditions.holds(policy.condition, facts):
                return terms_of(policy)
        except conditions.ConditionError as error:
            return replace(STRICTEST, condition_error=f"{policy.name}: {error}")
    return UNKNOWN_ACTION


def terms_of(policy: Policy) -> Terms:
    """A policy row as terms."""
    return Terms(
        name=policy.name,
        version=policy.version,
        risk=policy.risk,
        gate=policy.gate,
        requirements=tuple((r.group.name, r.needed) for r in policy.requirements.all()),
        deadline_seconds=policy.deadline_seconds,
        on_timeout=policy.on_timeout,
        steps=_steps(policy),
        final_action=policy.final_action,
        may_extend_seconds=policy.may_extend_seconds,
        may_extend_times=policy.may_extend_times,
        bar_requester=policy.bar_requester,
        deny_threshold=policy.deny_threshold,
        recall_seconds=policy.recall_seconds,
        max_requests=policy.max_requests,
        why=_why(policy),
    )


def _steps(policy: Policy) -> tuple[timeouts.Step, ...]:
    if policy.on_timeout != OnTimeout.ESCALATE:
        return ()  # most policies do not escalate, and need no query to say so
    return tuple(
        timeouts.Step(group=step.group.name, needed=step.needed, deadline_seconds=step.deadline_seconds)
        for step in policy.steps.select_related("group")
    )


def _why(policy: Policy) -> str:
    """The rule in words: what it applies to, and when."""
    action = "every action" if policy.action == "*" else f"the action {policy.action}"
    graph = "any graph" if policy.graph == "*" else policy.graph
    when = f", when {policy.condition}" if policy.condition.strip() else ""
    return f"It applies to {action} of {graph}{when}."


def stiffened(terms: Terms, ticket: Ticket) -> Terms | None:
    """The ticket's terms together with these, where these weigh as much or more; None where they weigh less.

    Nothing the ticket asked for is dropped: of each group the larger number signs, and a clock that would
    have let nothing pass does not learn to.
    """
    if terms.name == ticket.policy_name or RISK_ORDER[Risk(terms.risk)] > RISK_ORDER[Risk(ticket.risk)]:
        return None
    needed = {requirement.group.name: requirement.needed for requirement in ticket.requirements.all()}
    for group, count in terms.requirements:
        needed[group] = max(count, needed.get(group, 0))
    own = timeouts.plan_of(ticket.on_timeout, ticket.policy)
    plan = own if terms.plan.is_softer_than(own) else terms.plan
    return replace(
        terms,
        on_timeout=plan.on_timeout,
        steps=plan.steps,
        final_action=plan.final_action,
        requirements=tuple(needed.items()),
        gate=ticket.gate if terms.gate == Gate.AUTO else terms.gate,
        bar_requester=terms.bar_requester or ticket.bar_requester,
        deny_threshold=min(terms.deny_threshold, ticket.deny_threshold),
    )


def may_decide(user: User, ticket: Ticket) -> None:
    """Raises OwnRequest or NotAnApprover where this person may not decide on the ticket."""
    if ticket.bar_requester and ticket.requester_id == user.pk:
        raise OwnRequest
    if not user.is_active or not ticket.requirements.filter(group__user=user.pk).exists():
        raise NotAnApprover


def blocked_reason(user: User, ticket: Ticket) -> str | None:
    """The sentence that tells this person why they cannot decide, before they try; None where they can."""
    try:
        may_decide(user, ticket)
    except (OwnRequest, NotAnApprover) as refusal:
        return str(refusal)
    voted = any(d.reviewer_id == user.pk and d.revision == ticket.revision for d in ticket.decisions.all())
    return "You have already decided on this version." if voted else None
