"""Other people's words as Postgres can hold them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MAX_WORDS = 100_000
MAX_DEPTH = 100
LEFT_OUT = "…"


def text(words: str) -> str:
    """The words without U+0000 and lone surrogates, at most 100,000 characters."""
    return words.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")[:MAX_WORDS]


def json(value: Any, *, depth: int = 0) -> Any:
    """The value as JSON that Postgres takes: every text plain, and what JSON has no word for as text.

    What lies deeper than any page shows is left out: Python gives up on it.
    """
    if depth > MAX_DEPTH:
        return LEFT_OUT
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {text(str(key)): json(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json(item, depth=depth + 1) for item in value]
    is_json = value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_json else text(str(value))
