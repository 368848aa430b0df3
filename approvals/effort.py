"""How much work a condition may be. Pure.

CEL's library can be neither interrupted nor told to count, and a text as long as a book ends the process that
reads it. A macro inside a macro goes through all pairs of what an agent sent, and one that makes a list copies it
for each item, so the work is reckoned beforehand.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

#: The library's own stack gives in at about ten thousand characters.
LONGEST = 4_000
#: About half a second.
MOST = 1_000_000
#: Copying so many items takes as long as looking at one.
COPIED = 16
#: What may stand between the parts of a call.
_GAP = r"(?:\s|//[^\n]*)*"
_TOKEN = re.compile(
    r"""[rRbB]{0,2}(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*"""
    rf"""|(?P<looks>\.{_GAP}(?:all|exists|exists_one|existsOne){_GAP}\()|(?P<makes>\.{_GAP}(?:map|filter){_GAP}\()|(?P<open>\()|(?P<close>\))|(?P<comma>,)""",
    re.DOTALL,
)


def problem(condition: str) -> str:
    """Why no arguments at all could be weighed by this; empty where nothing speaks against it."""
    if len(condition) > LONGEST:
        return f"it has more than {LONGEST:,} characters"
    return "it goes through too many lists in lists" if is_too_much(condition, {}) else ""


def is_too_much(condition: str, facts: Any) -> bool:
    """Could it take long with these facts? Every list is taken for as long as there are values altogether."""
    macros, items = _measured(condition)
    longest = max(_values(facts), items) if macros else 0
    work: int = sum(longest**depth + makes * longest ** (depth + 1) // COPIED for depth, makes in macros)
    return work > MOST


@lru_cache(maxsize=512)
def _measured(condition: str) -> tuple[tuple[tuple[int, bool], ...], int]:
    """Each macro, how deep it stands in others and whether it makes a list; the most items that are written out."""
    macros, commas = [], 0
    brackets: list[bool] = []
    for token in _TOKEN.finditer(condition):
        match token.lastgroup:
            case "comma":
                commas += 1
            case "close" if brackets:
                brackets.pop()
            case "open" | "looks" | "makes" as kind:
                brackets.append(kind != "open")
                if kind != "open":
                    macros.append((sum(brackets), kind == "makes"))
    return tuple(macros), commas + 1


def _values(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_values, inner))
