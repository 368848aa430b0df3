"""Other people's words as Postgres can hold them. Pure."""

from __future__ import annotations

from typing import Any

MAX_WORDS = 100_000


def text(words: str) -> str:
    """The words without U+0000 and lone surrogates, at most 100,000 characters."""
    return words.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")[:MAX_WORDS]


def json(value: Any) -> Any:
    """A JSON value with every text in it made plain; nothing else changes."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(str(key)): json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json(item) for item in value]
    return value
