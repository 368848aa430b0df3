"""The wire formats of a pause, in the order they are tried. One module each, three functions each.

A project adds its own with `register`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

from agents.protocols import (
    action_dict,
    agent_inbox,
    breakpoint,
    hitl_batched,
    hitl_per_call,
    plain,
    response_schema,
)
from agents.protocols.pause import Pause
from approvals.contract import Answer, ProposedAction

__all__ = ["Pause", "WireFormat", "recognise", "register"]


class WireFormat(Protocol):
    """What a protocol module offers."""

    @property
    def NAME(self) -> str:
        """What tickets call it."""

    def recognise(self, pause: Pause) -> bool:
        """Is the pause in this format?"""

    def to_actions(self, pause: Pause) -> list[ProposedAction]:
        """What it proposes, in order."""

    def resume_value(self, pause: Pause, answers: Sequence[Answer]) -> Any:
        """What the graph gets, checked as a whole; BadAnswer if it does not fit."""


FORMATS: list[WireFormat] = [
    cast(WireFormat, module)
    for module in (hitl_per_call, hitl_batched, agent_inbox, response_schema, action_dict, breakpoint, plain)
]


def recognise(pause: Pause) -> WireFormat:
    """The first format that knows the pause; `plain` knows every value."""
    return next(wire for wire in FORMATS if wire.recognise(pause))


def register(wire: WireFormat) -> None:
    """Try a format before the built-in ones."""
    FORMATS.insert(0, wire)
