"""A dict with an action name and arguments, as many hand-written graphs interrupt with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.protocols import schemas, words
from agents.protocols.pause import Pause
from approvals import digests
from approvals.contract import Answer, ProposedAction

NAME = "action_dict"


def recognise(pause: Pause) -> bool:
    """A dict with a name (`action`, `name` or `tool`) and a dict of arguments."""
    return isinstance(pause.value, dict) and _name(pause) is not None and _args(pause) is not None


def to_actions(pause: Pause) -> list[ProposedAction]:
    """One ticket, editable."""
    name, args = _name(pause) or "", _args(pause) or {}
    text = pause.value.get("message") or pause.value.get("description") or pause.value.get("question")
    return [
        ProposedAction(
            action=name,
            args=args,
            args_schema=pause.tool_schemas.get(name),
            description=text if isinstance(text, str) else "",
            reasoning=pause.reasoning,
            context=pause.conversation,
            tool_call_id=pause.call_id(name, args),
        )
    ]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """`{"approved", "args", "message"}`, or the registry's words where it has some."""
    answer = answers[0]
    word = "approve" if answer.type in {"approve", "edit"} else answer.type
    if word in pause.words:
        return pause.words[word]
    if word != "approve":
        return {"approved": False, "args": _args(pause), "message": _message(answer)}
    args = _args(pause) if answer.args is None else answer.args
    if not digests.alike(args, _args(pause)):
        schemas.check(args, pause.tool_schemas.get(_name(pause) or ""))
    return {"approved": True, "args": args, "message": answer.message}


def _message(answer: Answer) -> str:
    return answer.message if answer.type == "respond" else words.refusal(answer)


def _name(pause: Pause) -> str | None:
    named = (pause.value.get(key) for key in ("action", "name", "tool"))
    return next((name for name in named if isinstance(name, str) and name), None)


def _args(pause: Pause) -> dict[str, Any] | None:
    listed = (pause.value.get(key) for key in ("args", "arguments"))
    return next((args for args in listed if isinstance(args, dict)), None)
