"""LangChain's decision objects, shared by both modes of its human-in-the-loop middleware."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from agents.errors import BadAnswer
from agents.protocols import words
from approvals import digests
from approvals.contract import Answer

#: The middleware writes this when it is given no description; it only repeats name and arguments.
DEFAULT_DESCRIPTION = "Tool execution requires approval\n\nTool: "


def decision(
    answer: Answer,
    *,
    name: str,
    asked: dict[str, Any],
    allowed: Collection[str],
    edited_key: str = "edited_action",
) -> dict[str, Any]:
    """One decision for one call, in the words the middleware knows."""
    made = _decision(answer, name=name, asked=asked, allowed=allowed, edited_key=edited_key)
    if made["type"] not in allowed:
        raise BadAnswer(why=f"“{made['type']}” is not among the decisions {sorted(allowed)} for {name}.")
    return made


def description(text: Any) -> str:
    """The agent's own description; nothing where the middleware only repeated the call."""
    return "" if not isinstance(text, str) or text.startswith(DEFAULT_DESCRIPTION) else text


def _decision(
    answer: Answer, *, name: str, asked: dict[str, Any], allowed: Collection[str], edited_key: str
) -> dict[str, Any]:
    if answer.timed_out and answer.type == "reject" and "respond" in allowed:
        # The middleware opens every rejection with "User rejected the tool call"; nobody did.
        return {"type": "respond", "message": words.refusal(answer)}
    if answer.type == "reject":
        return {"type": "reject", "message": words.refusal(answer)}
    if answer.type == "respond":
        return {"type": "respond", "message": words.reply(answer)}
    args = asked if answer.args is None else answer.args
    if digests.alike(args, asked):
        return {"type": "approve"}
    return {"type": "edit", edited_key: {"name": name, "args": args}}
