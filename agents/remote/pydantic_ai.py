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

from collections.abc import Iterable
from typing import Any

from pydantic_ai import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied
from pydantic_ai.messages import ModelMessage, ModelRequest, ToolCallPart, ToolReturnPart

from . import deferred
from .client import Countersign
from .deferred import HeldCall

FRAMEWORK = "pydantic-ai"
#: What the framework can carry out of what people may say.
ALLOWED = ["approve", "edit", "reject"]


def answered(
    requests: DeferredToolRequests, *, client: Countersign, timeout: float | None = None, **fields: Any
) -> DeferredToolResults:
    """Ask people about each call that needs approval, wait, and say what they decided. Raises StillWaiting."""
    told = {"allowed_decisions": ALLOWED} | fields
    asked = [(call, deferred.ask(call, client=client, **told)) for call in map(_held, requests.approvals)]
    found = deferred.settle_all(asked, client=client, timeout=timeout, takes_edits=True)
    said = {call.call_id: _said(verdict) for (call, _), verdict in zip(asked, found, strict=True)}
    return DeferredToolResults(approvals=said)


def report(messages: Iterable[ModelMessage], *, client: Countersign) -> None:
    """Say what became of the approved calls; what this agent did not ask people about is passed over."""
    parts = [part for message in messages if isinstance(message, ModelRequest) for part in message.parts]
    for part in parts:
        if isinstance(part, ToolReturnPart):
            deferred.report(f"{FRAMEWORK}/{part.tool_call_id}", result=part.model_response_str(), client=client)


def _held(call: ToolCallPart) -> HeldCall:
    return HeldCall(framework=FRAMEWORK, call_id=call.tool_call_id, action=call.tool_name, args=call.args_as_dict())


def _said(verdict: deferred.Allowed | deferred.Denied) -> ToolApproved | ToolDenied:
    if isinstance(verdict, deferred.Denied):
        return ToolDenied(verdict.why)
    return ToolApproved(override_args=verdict.args)
