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
    name, args, beside = _name(pause) or "", _args(pause) or {}, _beside(pause)
    return [
        ProposedAction(
            action=name,
            args={**args, **beside},
            args_schema=schemas.keeping(questions.schema(pause, name), beside),
            context=pause.conversation,
            allowed_decisions=words.allowed(pause.words, without=ALL_DECISIONS),
            tool_call_id=pause.call_id(name, args),
            beside=frozenset(beside),
            **questions.said(pause),
        )
    ]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """`{"approved", "args", "message"}`, or the registry's words where it has some."""
    answer, asked = answers[0], _args(pause)
    args = asked if answer.args is None else _without(answer.args, _beside(pause))
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
    key = _name_key(pause)
    return str(pause.value[key]) if key else None


def _args(pause: Pause) -> dict[str, Any] | None:
    key = _args_key(pause)
    return dict(pause.value[key]) if key else None


def _name_key(pause: Pause) -> str:
    keys = ("action", "name", "tool")
    return next((key for key in keys if isinstance(pause.value.get(key), str) and pause.value[key]), "")


def _args_key(pause: Pause) -> str:
    return next((key for key in ("args", "arguments") if isinstance(pause.value.get(key), dict)), "")


def _beside(pause: Pause) -> dict[str, Any]:
    """What else the graph said and may act on: shown and weighed with the arguments, and never part of an edit."""
    told = {_name_key(pause), _args_key(pause), *questions.said_keys(pause.value)}
    args = _args(pause) or {}
    others = {str(key): value for key, value in pause.value.items() if key not in told}
    return {f"{key} (beside)" if key in args else key: questions.plain(value) for key, value in others.items()}


def _without(args: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in args.items() if key not in beside}
