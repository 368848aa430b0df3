"""What a graph is told, in words: the registry's own, or ours where a person said nothing or nobody did."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from approvals.contract import Answer

TIMED_OUT = "This was not run: it timed out. Nobody decided before the deadline."
REJECTED = "A reviewer rejected this action. It was not run. Do not try it again unless you are asked to."

GUESSED = "Nobody answered before the deadline. Go on with your own best guess, which no person has confirmed:"

#: Stand in an entry's words for what the reviewer wrote, and for the arguments that were approved.
MESSAGE, ARGS = "{message}", "{args}"
#: A key whose value is a dict that is laid out among the keys beside it.
SPREAD = "**"


def refusal(answer: Answer) -> str:
    """The reviewer's words or ours; a deadline is never passed off as a person."""
    if answer.timed_out:
        return answer.message if "timed out" in answer.message.lower() else TIMED_OUT
    return answer.message or REJECTED


def reply(answer: Answer) -> str:
    """An answer in words; the agent's own best guess comes back to it as nothing else."""
    return f"{GUESSED} {answer.message}" if answer.timed_out else answer.message


def key(words: Mapping[str, Any], answer: Answer) -> str:
    """The entry's word for this answer; a deadline and an edit have one of their own where the entry names it."""
    if answer.timed_out and answer.type in {"reject", "respond"} and "timeout" in words:
        return "timeout"
    return "approve" if answer.type == "edit" and "edit" not in words else answer.type


def filled(word: Any, *, message: str, args: Any) -> Any:
    """The entry's word with what was said put into it; "rejected: {message}" is "rejected" without a reason."""
    if isinstance(word, Mapping):
        parts = {name: filled(part, message=message, args=args) for name, part in word.items()}
        spread = parts.pop(SPREAD, {})
        return {**parts, **spread}
    if isinstance(word, list):
        return [filled(part, message=message, args=args) for part in word]
    if word == ARGS:
        return args
    if not isinstance(word, str) or MESSAGE not in word:
        return word
    return word.replace(MESSAGE, message) if message else re.sub(r"\W*\{message\}", "", word)


def takes_args(word: Any) -> bool:
    """Would an edit reach the graph through this word?"""
    if isinstance(word, Mapping | list):
        return any(map(takes_args, word.values() if isinstance(word, Mapping) else word))
    return bool(word == ARGS)


def allowed(words: Mapping[str, Any], *, without: tuple[str, ...]) -> tuple[str, ...]:
    """The decisions that an entry's words can carry; `without` any, what the format itself allows."""
    if not words:
        return without
    # A graph compares with its own words: free text would fall through its branches.
    takes = takes_args(words.get("edit", words.get("approve")))
    extra = {"edit": takes, "respond": "respond" in words}
    return tuple(kind for kind in ("approve", "edit", "reject", "respond") if extra.get(kind, True))
