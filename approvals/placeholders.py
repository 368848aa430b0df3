"""Texts with the arguments in braces: "Transfer {amount} to {customer.name}". Pure.

Only paths of keys stand in braces, and nothing is looked up in a value but its own keys: who writes such a
text cannot reach into the program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*")


class Missing(ValueError):
    """There is no argument at this path."""


def parts(text: str) -> list[tuple[str, str | None]]:
    """What stands before each pair of braces, and the path in it. Raises ValueError for anything else in braces."""
    found = []
    for before, path, spec, conversion in Formatter().parse(text):
        if path is not None and (spec or conversion or not _PATH.fullmatch(path)):
            raise ValueError(path)
        found.append((before, path))
    return found


def paths(text: str) -> list[str]:
    """Every path in braces. Raises ValueError."""
    return [path for _, path in parts(text) if path is not None]


def at(args: Mapping[str, Any], path: str) -> Any:
    """The argument at this path. Raises Missing."""
    value: Any = args
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            raise Missing(path)
        value = value[key]
    return value
