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
    try:
        return written.read(answers[0].message, pause.response_schema or {})
    except InvalidArguments as error:
        raise BadAnswer(why=f"{error.errors[0]['path'] or 'it'}: {error.errors[0]['message']}.") from error
