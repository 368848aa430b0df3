"""`interrupt(value, response_schema=…)`: the graph says what an answer looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.errors import BadAnswer
from agents.protocols import questions
from agents.protocols.pause import Pause
from approvals import answers as written
from approvals.contract import Answer, ProposedAction
from approvals.errors import InvalidArguments

NAME = "response_schema"


def recognise(pause: Pause) -> bool:
    """A schema came with the question."""
    return bool(pause.response_schema)


def to_actions(pause: Pause) -> list[ProposedAction]:
    """One ticket; the answer is written by the reviewer."""
    facts = {"allowed_decisions": ("respond",), "answer_schema": pause.response_schema}
    return [questions.action(pause, answer_releases=True, **facts)]  # the graph may act on the words


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """The answer as JSON where it is JSON, else as text; it must validate."""
    if answers[0].type != "respond":
        raise BadAnswer(why="the graph waits for an answer of its own shape, and nobody wrote one.")
    schema = pause.response_schema or {}
    try:
        value = written.read(answers[0].message, schema)
    except InvalidArguments as error:
        raise BadAnswer(why=f"{error.errors[0]['path'] or 'it'}: {error.errors[0]['message']}.") from error
    return _as_a_guess(value, schema) if answers[0].timed_out else value


def _as_a_guess(value: Any, schema: dict[str, Any]) -> Any:
    """Its own best guess, marked where its shape has a place for that: a yes-or-no called `timed_out`."""
    known = schema.get("properties")
    place = known.get("timed_out") if isinstance(known, dict) else None
    is_place = isinstance(place, dict) and place.get("type") == "boolean"
    return {**value, "timed_out": True} if is_place and isinstance(value, dict) else value
