"""Any other value: a question, a number, a list. The registry may name the words to answer with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agents.protocols import questions, schemas, words
from agents.protocols.pause import Pause
from approvals import arguments, digests
from approvals.contract import Answer, ProposedAction
from approvals.errors import ApprovalError

NAME = "plain"


def recognise(pause: Pause) -> bool:
    """Everything that `interrupt()` was called with; this is the last resort."""
    return not pause.is_breakpoint


def to_actions(pause: Pause) -> list[ProposedAction]:
    """One ticket, named after the node unless the graph's entry says what is asked about."""
    allowed = words.allowed(pause.words, without=("approve", "reject", "respond"))
    # The graph reads the words itself and may act on them.
    return [questions.action(pause, allowed_decisions=allowed, answer_releases=True)]


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """True, False, or the text; the registry's words where it has some."""
    answer, [action] = answers[0], to_actions(pause)
    if answer.args is not None and not digests.alike(answer.args, action.args):
        schemas.check(answer.args, action.args_schema)
    key = words.key(pause.words, answer)
    if key in pause.words:
        args = action.args if answer.args is None else answer.args
        return words.filled(pause.words[key], message=answer.message, args=args)
    if answer.type == "respond":
        return _typed(answer.message)
    return answer.type != "reject"


def _typed(text: str) -> Any:
    """A JSON object or list that can be kept exactly as such, everything else as the text it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = json.loads(text)
        arguments.check_shape({"": value})
    except (ValueError, RecursionError, ApprovalError):
        return text
    return value
