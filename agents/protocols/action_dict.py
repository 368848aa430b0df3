"""A dict with an action name and arguments, as many hand-written graphs interrupt with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.protocols import questions, schemas, words
from agents.protocols.pause import Pause
from approvals import digests
from approvals.contract import ALL_DECISIONS, Answer, ProposedAction

NAME = "action_dict"


def recognise(pause: Pause) -> bool:
    """A dict with a name (`action`, `name` or `tool`) and a dict of arguments."""
    return isinstance(pause.value, dict) and _name(pause) is not None and _args(pause) is not None


def to_actions(pause: Pause) -> list[ProposedAction]:
    """One ticket, editable."""
    name, args = _name(pause) or "", _args(pause) or {}
    return [
        ProposedAction(
            action=name,
            args=args,
            args_schema=questions.schema(pause, name),
            context=pause.conversation,
            allowed_decisions=words.allowed(pause.words, without=ALL_DECISIONS),
            tool_call_id=pause.call_id(name, args),
            **questions.said(pause),
        )
    ]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """`{"approved", "args", "message"}`, or the registry's words where it has some."""
    answer, asked = answers[0], _args(pause)
    args = asked if answer.args is None else answer.args
    if not digests.alike(args, asked):
        schemas.check(args, questions.schema(pause, _name(pause) or ""))
    word = words.key(pause.words, answer)
    if word in pause.words:
        return words.filled(pause.words[word], message=answer.message, args=args)
    if answer.type not in {"approve", "edit"}:
        return {"approved": False, "args": asked, "message": _message(answer)}
    return {"approved": True, "args": args, "message": answer.message}


def _message(answer: Answer) -> str:
    return words.reply(answer) if answer.type == "respond" else words.refusal(answer)


def _name(pause: Pause) -> str | None:
    named = (pause.value.get(key) for key in ("action", "name", "tool"))
    return next((name for name in named if isinstance(name, str) and name), None)


def _args(pause: Pause) -> dict[str, Any] | None:
    listed = (pause.value.get(key) for key in ("args", "arguments"))
    return next((args for args in listed if isinstance(args, dict)), None)
