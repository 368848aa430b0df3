"""Approval in Pydantic AI: its deferred tool calls become tickets, and what people decide its results.

    result = agent.run_sync("…", output_type=[str, DeferredToolRequests])
    if isinstance(result.output, DeferredToolRequests):
        answers = pydantic_ai.answered(result.output, client=countersign)
        result = agent.run_sync(message_history=result.all_messages(), deferred_tool_results=answers)
        pydantic_ai.report(result.new_messages(), client=countersign)

Needs `pydantic-ai-slim`. Each call is a ticket of its own under its `tool_call_id`; all are asked before any is waited
for. `report` says what the approved ones returned; one that is not reported stays “started”.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from pydantic_ai import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied
from pydantic_ai.messages import ModelMessage, ModelRequest, ToolCallPart, ToolReturnPart

from agents.remote import steps
from agents.remote.client import Countersign, Ticket
from agents.remote.errors import AlreadyFailed, InDoubt, NotApproved
from agents.remote.guards import GRACE


def answered(
    requests: DeferredToolRequests, *, client: Countersign, timeout: float | None = None, **fields: Any
) -> DeferredToolResults:
    """Ask people about each call that needs approval, wait, and say what they decided. Raises StillWaiting."""
    asked = [(call, _asked(call, client, fields)) for call in requests.approvals]
    found = {call.tool_call_id: _decided(call, ticket, client, timeout) for call, ticket in asked}
    return DeferredToolResults(approvals=found)


def report(messages: Iterable[ModelMessage], *, client: Countersign) -> None:
    """Say what became of the approved calls; what this agent did not ask people about is passed over."""
    parts = [part for message in messages if isinstance(message, ModelRequest) for part in message.parts]
    for part in parts:
        if isinstance(part, ToolReturnPart) and (ticket_id := _taken.pop(part.tool_call_id, None)):
            told = steps.reported(
                ticket_id, state="succeeded", result=part.model_response_str(), patience=client.patience
            )
            client.run(told)


#: Tickets whose answer this process has taken and not reported yet, by the call.
_taken: dict[str, int] = {}


def _asked(call: ToolCallPart, client: Countersign, fields: dict[str, Any]) -> Ticket:
    told = {"allowed_decisions": ["approve", "edit", "reject"]} | fields
    return client.request(
        call.tool_name, call.args_as_dict(), idempotency_key=f"pydantic-ai/{call.tool_call_id}", **told
    )


def _decided(
    call: ToolCallPart, ticket: Ticket, client: Countersign, timeout: float | None
) -> ToolApproved | ToolDenied:
    name = uuid.uuid4().hex
    try:
        verdict = client.run(
            steps.permitted(ticket.facts, name=name, timeout=timeout, grace=GRACE, patience=client.patience)
        )
    except (NotApproved, InDoubt, AlreadyFailed) as refusal:
        return ToolDenied(str(refusal))
    if isinstance(verdict, steps.Done):
        return ToolDenied(f"It ran before, and returned: {verdict.result}")
    _taken[call.tool_call_id] = ticket.id
    return ToolApproved(override_args=verdict.ticket["args"])
