"""Any other value: a question, a number, a list. The registry may name the words to answer with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agents.protocols.pause import Pause
from approvals.contract import Answer, ProposedAction

NAME = "plain"


def recognise(pause: Pause) -> bool:
    """Everything that `interrupt()` was called with; this is the last resort."""
    return not pause.is_breakpoint


def to_actions(pause: Pause) -> list[ProposedAction]:
    """One ticket named after the node. What was asked stands in the arguments, so the digest covers it."""
    value = pause.value
    return [
        ProposedAction(
            action=pause.node,
            args=value if isinstance(value, dict) else {"question": value},
            description=value if isinstance(value, str) else "",
            reasoning=pause.reasoning,
            context=pause.conversation,
            allowed_decisions=_allowed(pause),
            answer_releases=True,  # the graph reads the words itself and may act on them
        )
    ]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """True, False, or the text; the registry's words where it has some."""
    answer = answers[0]
    if answer.type == "respond":
        return _typed(answer.message)
    if answer.type == "reject":
        return pause.words.get("reject", False)
    return pause.words.get("approve", True)


def _allowed(pause: Pause) -> tuple[str, ...]:
    # A graph with its own words compares against them; free text would fall through its branches.
    return ("approve", "reject") if pause.words else ("approve", "reject", "respond")


def _typed(text: str) -> Any:
    """A JSON object or list as such, everything else as the text it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
