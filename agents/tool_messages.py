"""The messages that stand for tool calls that did not run, or not as the model wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from agents import transcripts
from agents.protocols import Pause
from agents.protocols.breakpoint import Verdict
from approvals import digests

NOTE = "Note: a reviewer changed this call before it ran. It ran with {args}.\n\n"


def refusals(pause: Pause, verdict: Verdict) -> list[ToolMessage]:
    """What the model reads in place of the results of calls that did not run."""
    calls = {call["id"]: call for call in pause.tool_calls or ()}
    refused = [instead(calls[name], text, status="error") for name, text in verdict.refuse.items()]
    replied = [instead(calls[name], text, status="success") for name, text in verdict.reply.items()]
    return refused + replied


def notes(pause: Pause, verdict: Verdict, values: Any) -> list[ToolMessage]:
    """The results of edited calls, saying so: the model still sees the call as it wrote it."""
    notes = []
    for call in pause.tool_calls or ():
        edited = call["id"] in verdict.run and not digests.alike(verdict.run[call["id"]], call["args"])
        result = transcripts.result_of(values, call["id"]) if edited else None
        if result is not None:
            said = NOTE.format(args=verdict.run[call["id"]])
            notes.append(result.model_copy(update={"content": f"{said}{result.text}"}))
    return notes


def instead(call: Mapping[str, Any], text: str, *, status: str) -> ToolMessage:
    """A message in place of the call's result."""
    return ToolMessage(content=text, tool_call_id=call["id"], name=call["name"], status=status)


def trimmed(message: AIMessage, run: Mapping[str, Mapping[str, Any]]) -> AIMessage:
    """The message with only the calls to run, in every place a provider's client keeps them."""
    calls = [{**c, "args": dict(run[c["id"]])} for c in message.tool_calls if c["id"] and c["id"] in run]
    refused = {call["id"] for call in message.tool_calls} - set(run)
    content = message.content
    if isinstance(content, list):
        content = [part for part in content if not (isinstance(part, dict) and _call_id(part) in refused)]
    extra = {key: value for key, value in message.additional_kwargs.items() if key != "tool_calls"}
    return message.model_copy(update={"tool_calls": calls, "content": content, "additional_kwargs": extra})


def _call_id(part: Mapping[str, Any]) -> Any:
    return part.get("call_id") or part.get("id")
