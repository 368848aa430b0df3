"""What came of an action, as it can be sent: it was done, whatever its result looks like. Pure."""

from __future__ import annotations

import json
from typing import Any

#: Deeper than any page shows, and what the server would leave out.
MOST_DEPTH = 100
LEFT_OUT = "…"


def kept(result: Any) -> Any:
    """What JSON can carry of a result, else its words."""
    try:
        return _plain(json.loads(json.dumps(result, allow_nan=False)))
    except (TypeError, ValueError, RecursionError):
        return words(result)


def words(of: Any) -> str:
    """Of a result or an error, without what UTF-8 has no bytes for. Some cannot even be written as text."""
    try:
        return _text(str(of))
    except Exception:
        return f"A {type(of).__name__} that cannot be written down."


def _plain(value: Any, *, depth: int = 0) -> Any:
    if depth > MOST_DEPTH:
        return LEFT_OUT
    match value:
        case str():
            return _text(value)
        case dict():
            return {_text(key): _plain(item, depth=depth + 1) for key, item in value.items()}
        case list():
            return [_plain(item, depth=depth + 1) for item in value]
    return value


def _text(said: str) -> str:
    """Names of files on disk may hold lone surrogates."""
    return said.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
