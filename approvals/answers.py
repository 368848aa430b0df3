"""An answer in words or in fields, as the value that its question takes. Pure.

A graph that says what an answer looks like gets nothing else. A wrong one is refused when it is given, while
the question is still open: LangGraph stores a bad answer and replays it for ever.
"""

from __future__ import annotations

import json
from typing import Any

from approvals import arguments, digests
from approvals.errors import InvalidArguments

MAX_WORDS = 4_000


def read(words: str, schema: dict[str, Any]) -> Any:
    """The value that these words stand for: JSON where that fits, else the text. Raises InvalidArguments."""
    value = words if schema.get("type") == "string" else _json(words)
    try:
        arguments.check_schema(value, schema)
    except InvalidArguments:
        if value != words and _fits(words, schema):
            return words
        raise
    return value


def check_words(words: str) -> None:
    """Words that are a JSON object or list must be one that can be kept exactly; a graph may read them as such.

    Raises InvalidArguments or TooLarge.
    """
    if not words.lstrip().startswith(("{", "[")):
        return
    try:
        value = json.loads(words)
    except (ValueError, RecursionError):
        return
    arguments.check_shape({"": value})


def is_answer(value: Any, schema: dict[str, Any] | None) -> bool:
    """May an agent answer itself with this? It has no more words than a person."""
    try:
        words = in_words(value)
        read(words, schema or {})
    except InvalidArguments:
        return False
    return value is not None and len(words) <= MAX_WORDS


def written(fields: Any, schema: dict[str, Any] | None) -> str:
    """An answer in fields as the words that are kept. Raises InvalidArguments or TooLarge."""
    arguments.check_shape(fields)
    arguments.check_schema(fields, schema)
    return digests.canonical(fields).decode()


def in_words(value: Any) -> str:
    """A value as the words that stand for it. Raises InvalidArguments for what cannot be kept exactly."""
    if isinstance(value, str):
        return value
    try:
        return digests.canonical(value).decode()
    except digests.NotCanonical as error:
        raise InvalidArguments([{"path": "", "message": str(error)}]) from error


def _json(words: str) -> Any:
    """The words as JSON that can be kept exactly, else as they are."""
    try:
        value = json.loads(words)
        digests.canonical(value)
    except (ValueError, RecursionError, digests.NotCanonical):
        return words
    return value


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    try:
        arguments.check_schema(value, schema)
    except InvalidArguments:
        return False
    return True
