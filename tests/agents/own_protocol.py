"""A project's own wire format: `{"please": ACTION, ...}`, answered "ok" or "no"."""

from __future__ import annotations

from typing import Any

from agents.errors import BadAnswer
from approvals.contract import ProposedAction

NAME = "please"


def recognise(pause: Any) -> bool:
    """The word of ours; breaks on anything that is no dict, as strangers' code does."""
    return "please" in pause.value


def to_actions(pause: Any) -> list[ProposedAction]:
    """One ticket."""
    value = dict(pause.value)
    name, position = value.pop("please"), value.pop("position", 0)
    return [ProposedAction(action=name, args=value, position=position, allowed_decisions=("approve", "reject"))]


def resume_value(pause: Any, answers: Any) -> Any:
    """Two words."""
    if answers[0].message == "maybe":
        raise BadAnswer(why="maybe is no word of ours.")
    return {"approve": "ok", "reject": "no"}[answers[0].type]


class Formats:
    """Where an entry point may point to, too."""

    nothing: object = object()
