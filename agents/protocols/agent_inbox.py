"""LangGraph's older HumanInterrupt, as Agent Inbox reads it. The answer is always a list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agents.errors import BadAnswer
from agents.protocols import questions, schemas, words
from agents.protocols.pause import Pause
from approvals import digests
from approvals.contract import Answer, ProposedAction

NAME = "agent_inbox"


def recognise(pause: Pause) -> bool:
    """A dict, a list of them, or a JSON string of either, with `action_request` and `config`."""
    items = _items(pause)
    return bool(items) and all(_is_human_interrupt(item) for item in items)


def to_actions(pause: Pause) -> list[ProposedAction]:
    """One ticket per item."""
    return [_action(pause, item, position) for position, item in enumerate(_items(pause))]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """One HumanResponse per item."""
    return [_response(pause, item, answer) for item, answer in zip(_items(pause), answers, strict=True)]


def _action(pause: Pause, item: dict[str, Any], position: int) -> ProposedAction:
    name, args = _request(item)
    return ProposedAction(
        action=name,
        args=args,
        args_schema=questions.schema(pause, name),
        description=item.get("description") or "",
        reasoning=pause.reasoning,
        context=pause.conversation,
        allowed_decisions=_allowed(item["config"]),
        tool_call_id=pause.call_id(name, args),
        position=position,
    )


def _response(pause: Pause, item: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """Never a type that the config forbids."""
    name, asked = _request(item)
    args = asked if answer.args is None else answer.args
    if answer.type in {"approve", "edit"} and not digests.alike(args, asked):
        schemas.check(args, questions.schema(pause, name))
        return _checked(item, "edit", {"action": name, "args": args})
    if answer.type in {"approve", "edit"}:
        editable = item["config"].get("allow_edit")
        return _checked(item, "accept", {"action": name, "args": asked} if editable else None)
    if answer.type == "respond":
        return _checked(item, "response", words.reply(answer))
    wordless = not answer.message and item["config"].get("allow_ignore")
    if wordless or not item["config"].get("allow_respond"):
        return _checked(item, "ignore", None)
    return _checked(item, "response", words.refusal(answer))


def _checked(item: dict[str, Any], kind: str, args: Any) -> dict[str, Any]:
    if not item["config"].get(f"allow_{'respond' if kind == 'response' else kind}"):
        raise BadAnswer(why=f"its config does not allow “{kind}”.")
    return {"type": kind, "args": args}


def _allowed(config: dict[str, Any]) -> tuple[str, ...]:
    named = {
        "approve": config.get("allow_accept"),
        "edit": config.get("allow_edit"),
        "reject": config.get("allow_ignore") or config.get("allow_respond"),
        "respond": config.get("allow_respond"),
    }
    return tuple(kind for kind, may in named.items() if may)


def _request(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    request = item["action_request"]
    return str(request.get("action", "")), request.get("args") or {}


def _items(pause: Pause) -> list[Any]:
    value = pause.value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return value if isinstance(value, list) else [value]


def _is_human_interrupt(item: Any) -> bool:
    parts = (item.get("action_request"), item.get("config")) if isinstance(item, dict) else (None,)
    return all(isinstance(part, dict) for part in parts)
