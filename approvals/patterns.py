"""Regular expressions of other people, matched in a time that has a bound. Pure.

Python's own engine takes for ever over `^(a+)+$` and a text that nearly fits. This one goes through the text
once; it knows neither look-around nor back-references, and a pattern that needs them is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import re2

from approvals import wording

MAX_MEMORY = 1 << 20
#: Steps of the pattern times characters of the text: about a quarter of a second at worst.
MAX_WORK = 50_000_000
#: How a sentence names the pattern it is about.
_NAMED = re.compile("its pattern “.*” ", re.DOTALL)
#: `\u0041`, as JavaScript writes a character, and the backslashes that make it something else.
_NUMBERED = re.compile(r"(\\\\)|\\u([0-9A-Fa-f]{4})")

#: How the engine's sentences begin, and what they come to.
_WHY = {
    "invalid perl operator": "looks ahead or back, which only an engine can that may take for ever",
    "invalid escape sequence": "has a sign behind a backslash that means nothing here, such as a group seen again",
    "missing": "opens a bracket that it does not close",
    "unexpected": "closes a bracket that it has not opened",
    "no argument for repetition": "repeats what cannot be repeated",
    "bad repetition": "repeats what cannot be repeated",
    "invalid repetition size": "repeats something too often",
    "pattern too large": "is too large",
}


class BadPattern(ValueError):
    """The pattern cannot be used; the sentence says why."""


def check(pattern: str) -> None:
    """Raises BadPattern for what is no regular expression, or one that only a slow engine can match."""
    _compiled(pattern, dot_all=False)


def is_found(pattern: str, text: str) -> bool:
    """Does it fit anywhere in the text? Raises BadPattern where that cannot be told in time."""
    return _bounded(pattern, text, dot_all=False).search(text) is not None


def groups(pattern: str, text: str) -> Mapping[str, str | None]:
    """The named groups where it fits the whole text, a dot standing for any character; else nothing.

    Raises BadPattern where that cannot be told in time.
    """
    found = _bounded(pattern, text, dot_all=True).fullmatch(text)
    return dict(found.groupdict()) if found else {}


def unnamed(sentence: str) -> str:
    """A sentence of BadPattern for people who decide: the pattern itself tells them nothing."""
    return _NAMED.sub("one of its patterns ", sentence)


def _bounded(pattern: str, text: str, *, dot_all: bool) -> Any:
    made = _compiled(pattern, dot_all=dot_all)
    if max(made.programsize, 1) * len(text) > MAX_WORK:
        raise BadPattern(f"its pattern {_named(pattern)} takes too long on a text of {len(text):,} characters")
    return made


@lru_cache(maxsize=512)
def _compiled(pattern: str, *, dot_all: bool) -> Any:
    options = re2.Options()
    options.log_errors, options.max_mem, options.dot_nl = False, MAX_MEMORY, dot_all
    try:
        return re2.compile(_NUMBERED.sub(_as_here, pattern), options)
    except (re2.error, UnicodeEncodeError) as error:
        raise BadPattern(f"its pattern {_named(pattern)} {_why(error)}") from error


def _as_here(found: re.Match[str]) -> str:
    return found[1] or rf"\x{{{found[2]}}}"


def _named(pattern: str) -> str:
    return f"“{wording.visible(pattern if len(pattern) <= 80 else f'{pattern[:80]}…')}”"


def _why(error: Exception) -> str:
    """In words of our own: the engine's are for who knows it."""
    said = error.args[0] if error.args and isinstance(error, re2.error) else ""
    told = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return next((words for begin, words in _WHY.items() if told.startswith(begin)), "is no regular expression")
