"""The wire formats of a pause, in the order they are tried. One module each, three functions each.

A project adds its own through a setting or an entry point, see `extensions`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

from agents.errors import BadAnswer, BadInterrupt
from agents.protocols import (
    action_dict,
    agent_inbox,
    breakpoint,
    extensions,
    hitl_batched,
    hitl_per_call,
    plain,
    response_schema,
)
from agents.protocols.pause import Pause, Step
from approvals import cards
from approvals.contract import Answer, ProposedAction

__all__ = ["Pause", "Step", "WireFormat", "recognise", "resume_value", "to_actions"]

logger = logging.getLogger(__name__)


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


FORMATS: tuple[WireFormat, ...] = tuple(
    cast(WireFormat, module)
    for module in (hitl_per_call, hitl_batched, agent_inbox, response_schema, action_dict, breakpoint, plain)
)


def recognise(pause: Pause) -> WireFormat:
    """The first format that knows the pause, a project's own before ours; `plain` knows every value."""
    own: list[WireFormat] = extensions.found()[0]
    return next(wire for wire in (*own, *FORMATS) if _knows(wire, pause))


def to_actions(pause: Pause) -> list[ProposedAction]:
    """What the pause proposes. Raises BadInterrupt where it only looks like the format it claims to be."""
    wire = recognise(pause)
    try:
        return [_with_card(action, pause) for action in wire.to_actions(pause)]
    except BadInterrupt:
        raise
    except Exception as error:  # a stranger's value, and maybe a stranger's format
        raise BadInterrupt(name=wire.NAME, why=f"{type(error).__name__}: {error}") from error


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """What the graph gets, the whole of it checked first. Raises BadAnswer and has then changed nothing.

    LangGraph stores an answer before the graph has looked at it, and replays a bad one for ever.
    """
    wire, asked = recognise(pause), to_actions(pause)
    if len(answers) != len(asked):
        raise BadAnswer(why=f"{len(asked)} decisions were asked for and there are {len(answers)}.")
    for action, answer in zip(asked, answers, strict=True):
        # A deadline may say no where no person may: how, is the format's to put into words.
        expired = answer.timed_out and answer.type == "reject"
        if answer.type not in action.allowed_decisions and not expired:
            raise BadAnswer(why=f"“{answer.type}” is not allowed for {action.action}.")
    try:
        return wire.resume_value(pause, answers)
    except BadAnswer:
        raise
    except Exception as error:
        raise BadAnswer(why=f"{type(error).__name__}: {error}") from error


def _with_card(action: ProposedAction, pause: Pause) -> ProposedAction:
    card = pause.cards.get(action.action)
    return replace(action, card=cards.beside(action.card, card)) if card else action


def _knows(wire: WireFormat, pause: Pause) -> bool:
    try:
        return bool(wire.recognise(pause))
    except Exception:
        logger.exception("The protocol %s could not look at a pause, so it is passed over.", wire.NAME)
        return False
