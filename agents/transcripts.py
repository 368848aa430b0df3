"""Graph state as plain values, so that pages and tickets never load a graph."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from pydantic import BaseModel

from approvals import plaintext

ROLES = {"human": "user", "ai": "agent", "tool": "tool", "system": "system"}


def messages(values: Any) -> list[BaseMessage]:
    """The conversation in the state, under whatever key it is kept."""
    key = messages_key(values)
    return list(values[key]) if key else []


def messages_key(values: Any) -> str:
    """The state's key that holds messages, `messages` first; empty where there is none."""
    if not isinstance(values, Mapping):
        return ""
    names = sorted(values, key=lambda name: name != "messages")
    return next((str(name) for name in names if _is_conversation(values[name])), "")


def of(values: Any, *, asked: Any = None) -> list[dict[str, Any]]:
    """The conversation so far. A graph without messages still shows what it was asked."""
    found = [_line(message) for message in messages(values)]
    if found:
        return found
    given = asked.values() if isinstance(asked, Mapping) else ()
    words = [value for value in given if isinstance(value, str)]
    return [_row(role="user", content=text) for text in words[:1]]


def state(values: Any) -> dict[str, Any]:
    """The values a person can read and edit: JSON, and not the conversation."""
    if not isinstance(values, Mapping):
        return {}
    return {str(key): value for key, value in values.items() if _is_json(value)}


def fixed(values: Any) -> dict[str, Any]:
    """The values that are no JSON, as far as they can be shown, and not the conversation."""
    if not isinstance(values, Mapping):
        return {} if values is None else {"state": _shown(values)}
    hidden = {key: value for key, value in values.items() if key != messages_key(values) and not _is_json(value)}
    return {str(key): _shown(value) for key, value in hidden.items()}


def output(values: Any) -> Any:
    """What a run ended with: the last words of the agent or its tools, else the state's values."""
    spoken = [str(m.text) for m in messages(values) if isinstance(m, AIMessage | ToolMessage)]
    if spoken:
        return next(filter(str.strip, reversed(spoken)), "")
    return state(values) if isinstance(values, Mapping) else plain(values)


def plain(value: Any) -> Any:
    """As JSON; what is not JSON is shown as text rather than lost, and what lies too deep is left out."""
    try:
        return json.loads(json.dumps(value, default=str))
    except (TypeError, ValueError, RecursionError):  # keys that are no words, a value inside itself, a deep one
        return plaintext.json(value)


def result_of(values: Any, tool_call_id: str, *, asked: int = 0) -> ToolMessage | None:
    """The tool's answer to one call: the `asked`-th with this id, else the last.

    Models use ids again in later turns, so only what stands behind the call answers it.
    """
    found = messages(values)
    turns = [place for place, message in enumerate(found) if _calls(message, tool_call_id)]
    if turns:
        turn = min(asked or len(turns), len(turns)) - 1
        found = found[turns[turn] : [*turns, len(found)][turn + 1]]
    answers = (m for m in reversed(found) if isinstance(m, ToolMessage))
    return next((m for m in answers if m.tool_call_id == tool_call_id), None)


def unanswered(values: Any) -> tuple[AIMessage | None, list[dict[str, Any]]]:
    """The last AI message and those of its tool calls that no tool message answers yet."""
    found = messages(values)
    place = next((n for n in reversed(range(len(found))) if isinstance(found[n], AIMessage)), None)
    if place is None:
        return None, []
    last = cast(AIMessage, found[place])
    # An earlier answer with the same id belongs to an earlier turn.
    answered = {m.tool_call_id for m in found[place:] if isinstance(m, ToolMessage)}
    return last, [_call(call) for call in last.tool_calls if call["id"] not in answered]


def _calls(message: BaseMessage, tool_call_id: str) -> bool:
    return isinstance(message, AIMessage) and any(call["id"] == tool_call_id for call in message.tool_calls)


def _line(message: BaseMessage) -> dict[str, Any]:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    row = _row(
        role=ROLES.get(message.type, "system"),
        content=str(message.text),
        name=message.name,
        tool_calls=[_call(call) for call in calls],
    )
    if isinstance(message, ToolMessage):
        row |= {"tool_call_id": message.tool_call_id, "status": message.status}
    return row


def _row(
    *, role: str, content: str, name: str | None = None, tool_calls: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    return {"role": role, "content": content, "name": name, "tool_calls": list(tool_calls)}


def _call(call: Any) -> dict[str, Any]:
    return {"name": call["name"], "args": plain(call["args"]), "id": call["id"] or ""}


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, BaseMessage) for item in value)


def _shown(value: Any) -> Any:
    try:
        shown = json.loads(json.dumps(value, default=_fields, allow_nan=False))
        return shown if len(json.dumps(shown)) > 2 else repr(value)  # "{}" would show nothing
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _fields(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def _is_json(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError):
        return False
