"""An edited action is weighed again: what its policy asks now, together with what the ticket was opened under."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from approvals import cards, friction, policy, timeouts
from approvals.contract import Origin, ProposedAction
from approvals.matching import GATES, Terms
from approvals.models import EDITOR_BARRED, RISK_ORDER, Ticket
from approvals.states import Gate, OnTimeout, Risk

#: What goes with a tier and is not the stricter of two.
_OF_TIER = ("deadline_seconds", "max_requests", "may_extend_seconds", "may_extend_times", "why", "condition_error")


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What people have to do, beside how much of a risk it is."""

    requirements: tuple[tuple[str, int], ...]
    gate: str
    bar_requester: bool
    deny_threshold: int
    in_sequence: bool
    bar_editor: bool
    blind: bool
    ask_reason: bool
    ask_sign_in: bool


def weighed(ticket: Ticket, args: dict[str, Any], *, is_sent: bool = True) -> tuple[Terms, Terms | None]:
    """What the policies make of other arguments: their terms, and the ticket's together with them where stricter.

    Only an edit that is sent waits for its turn at the running totals.
    """
    card = cards.kept(ticket.card)
    proposed = ProposedAction(action=ticket.action, args=args, confidence=ticket.confidence, card=card)
    origin = Origin(graph=ticket.graph, thread_id=ticket.thread_id)
    rules = policy.in_force()
    if is_sent:
        policy.take_turns(rules, [proposed], origin=origin, requester=ticket.requester)
    terms = policy.match(proposed, origin=origin, requester=ticket.requester, rules=rules, ticket=ticket)
    return terms, stiffened(terms, ticket)


def stiffened(terms: Terms, ticket: Ticket) -> Terms | None:
    """The ticket's terms together with these; None where these ask for nothing more.

    Of both the stricter stands: the higher risk, the stricter gate, of each group the larger number. What
    goes with a tier, such as its name and what happens at the deadline, comes from the one of higher risk; but
    the clock lets no more pass than either would.
    """
    if (terms.name, terms.version) == (ticket.policy_name, ticket.policy_version):
        return None  # it has asked for all that already, and an escalation may have asked others since
    own = _of_ticket(ticket)
    both = _together(own, _of_terms(terms))
    outweighs = RISK_ORDER[Risk(terms.risk)] < RISK_ORDER[Risk(ticket.risk)]
    clock = timeouts.plan_of(ticket.on_timeout, ticket.policy)
    plan = _clock(clock, terms, outweighs=outweighs)
    if not outweighs and both == own and plan == clock:
        return None
    return replace(
        terms if outweighs else _as_opened(ticket, terms),
        **vars(both),
        on_timeout=plan.on_timeout,
        steps=plan.steps,
        final_action=plan.final_action,
        recall_seconds=_longer(terms, ticket),
        remember_seconds=min(terms.remember_seconds or 0, ticket.policy.get("remember_seconds") or 0) or None,
        confirm=_confirm(terms, ticket, outweighs=outweighs),
    )


def _of_ticket(ticket: Ticket) -> Demands:
    return Demands(
        requirements=tuple((asked.group.name, asked.needed) for asked in ticket.requirements.all()),
        gate=ticket.gate,
        bar_requester=ticket.bar_requester,
        deny_threshold=ticket.deny_threshold,
        in_sequence=ticket.in_sequence,
        bar_editor=ticket.bars_editor,
        blind=ticket.is_blind,
        ask_reason=friction.asks_reason(ticket.policy.get("ask_reason"), risk=ticket.risk, gate=ticket.gate),
        ask_sign_in=friction.asks_sign_in(ticket.policy.get("ask_sign_in"), risk=ticket.risk, gate=ticket.gate),
    )


def _of_terms(terms: Terms) -> Demands:
    return Demands(
        requirements=terms.requirements,
        gate=terms.gate,
        bar_requester=terms.bar_requester,
        deny_threshold=terms.deny_threshold,
        in_sequence=terms.in_sequence,
        bar_editor=terms.risk in EDITOR_BARRED if terms.bar_editor is None else terms.bar_editor,
        blind=terms.blind,
        ask_reason=friction.asks_reason(terms.ask_reason, risk=terms.risk, gate=terms.gate),
        ask_sign_in=friction.asks_sign_in(terms.ask_sign_in, risk=terms.risk, gate=terms.gate),
    )


def _together(one: Demands, other: Demands) -> Demands:
    asked = dict(one.requirements)
    for group, needed in other.requirements:
        asked[group] = max(needed, asked.get(group, 0))
    return Demands(
        requirements=tuple(asked.items()),
        gate=max(Gate(one.gate), Gate(other.gate), key=GATES.index),
        bar_requester=one.bar_requester or other.bar_requester,
        deny_threshold=min(one.deny_threshold, other.deny_threshold),
        in_sequence=one.in_sequence or other.in_sequence,
        bar_editor=one.bar_editor or other.bar_editor,
        blind=one.blind or other.blind,
        ask_reason=one.ask_reason or other.ask_reason,
        ask_sign_in=one.ask_sign_in or other.ask_sign_in,
    )


def _clock(own: timeouts.Plan, terms: Terms, *, outweighs: bool) -> timeouts.Plan:
    """The plan of the higher risk where it lets no more pass; else the ticket's own, with the stricter end."""
    theirs = terms.plan
    if outweighs and not theirs.is_softer_than(own):
        return theirs
    if terms.gate == Gate.AUTO or not own.is_softer_than(theirs):
        return own  # where nothing waits, the clock has nothing to say
    return replace(own, final_action=theirs.ends_in) if own.on_timeout == OnTimeout.ESCALATE else theirs


def _longer(terms: Terms, ticket: Ticket) -> int | None:
    """The longer window; one that goes by risk is as long as the higher risk makes it."""
    said = {terms.recall_seconds, ticket.recall_seconds}
    by_risk = max(timeouts.RECALL_SECONDS[Risk(terms.risk)], timeouts.RECALL_SECONDS[Risk(ticket.risk)])
    known = max((seconds for seconds in said if seconds is not None), default=-1)
    return known if None not in said or known > by_risk else None


def _confirm(terms: Terms, ticket: Ticket, *, outweighs: bool) -> str:
    """The template of the manual gate; of two that of the higher risk."""
    if terms.gate == Gate.MANUAL and (outweighs or ticket.gate != Gate.MANUAL):
        return terms.confirm
    return str(ticket.policy.get("confirm", ""))


def _as_opened(ticket: Ticket, terms: Terms) -> Terms:
    """What the ticket's tier brings along, beside what was read for the new arguments."""
    known = {name: ticket.policy[name] for name in _OF_TIER if name in ticket.policy}
    return replace(
        terms,
        name=ticket.policy_name,
        version=ticket.policy_version,
        risk=ticket.risk,
        **known,
    )
