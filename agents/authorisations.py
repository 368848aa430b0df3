"""Which approvals the ledger answers for, and the effect that each of them lets happen once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from agents import effects, protocols
from agents.protocols import Pause, hitl_batched, hitl_per_call
from approvals.contract import ProposedAction
from approvals.models import Ticket
from approvals.states import TicketState


def marked(pause: Pause) -> list[ProposedAction]:
    """What the pause proposes; of each action, whether it is known to run through the ledger."""
    return [replace(action, is_ledgered=_is_ledgered(pause, action)) for action in protocols.to_actions(pause)]


def authorise(pause: Pause, delivered: Sequence[Ticket]) -> None:
    """Let every approved action of the pause be carried out once. In the transaction that hands the answer over."""
    asked = protocols.to_actions(pause)
    for action, ticket in zip(asked, delivered, strict=True):
        if ticket.state == TicketState.APPROVED and _may_reach(pause, action):
            effects.authorise(ticket, args=_passed(pause, action, ticket))


def all_ledgered(delivered: Iterable[Ticket]) -> bool:
    """Does nothing of this answer run but through the ledger?"""
    return all(ticket.is_ledgered and ticket.state == TicketState.APPROVED for ticket in delivered)


def _is_ledgered(pause: Pause, action: ProposedAction) -> bool:
    """For sure: what is not runs unprotected, and its ticket must say so."""
    if pause.is_guarded:
        return True
    is_call = action.position < len(pause.tool_calls) if pause.is_breakpoint else pause.asks_before_tools
    return is_call and action.action in pause.ledgered and (pause.is_breakpoint or bool(action.tool_call_id))


def _may_reach(pause: Pause, action: ProposedAction) -> bool:
    """May a tool that goes through the ledger be what runs? Where none does, nobody would ask for the effect."""
    return pause.is_guarded or action.action in pause.ledgered


def _passed(pause: Pause, action: ProposedAction, ticket: Ticket) -> dict[str, Any]:
    """What the tool will be called with. One that asks from inside has been called: it hears of an edit by itself."""
    is_review = protocols.recognise(pause) in (hitl_per_call, hitl_batched)
    approved = action.args if pause.asks_before_tools and not is_review else ticket.args
    return {key: value for key, value in approved.items() if key not in action.beside}
