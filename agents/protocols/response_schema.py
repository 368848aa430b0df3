"""`interrupt(value, response_schema=…)`: the graph says what an answer looks like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agents.errors import BadAnswer
from agents.protocols import schemas
from agents.protocols.pause import Pause
from approvals.contract import Answer, ProposedAction

NAME = "response_schema"


def recognise(pause: Pause) -> bool:
    """A schema came with the question."""
    return bool(pause.response_schema)


def to_actions(pause: Pause) -> list[ProposedAction]:
    """One ticket; the answer is written by the reviewer."""
    value = pause.value
    return [
        ProposedAction(
            action=pause.node,
            args=value if isinstance(value, dict) else {"question": value},
            description=value if isinstance(value, str) else "",
            reasoning=pause.reasoning,
            context=pause.conversation,
            allowed_decisions=("respond",),
            answer_releases=True,  # the graph reads the words itself and may act on them
        )
    ]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """The answer as JSON where it is JSON, else as text; it must validate."""
    if answers[0].type != "respond":
        raise BadAnswer(why="the graph waits for an answer of its own shape, and nobody wrote one.")
    value = _parsed(answers[0].message)
    schemas.check(value, pause.response_schema)
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
