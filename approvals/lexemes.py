"""The words of a text as a search compares them. Pure.

Cut here and not by the database's parser, which takes `ana@example.com` or `report-7` for one word: what
somebody types and what stands in an argument are cut in the same way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

#: A run of letters and digits; a character of a script without spaces is a word of its own.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
#: More different words than this, or longer ones, are kept of no ticket.
MOST, LONGEST = 5_000, 60
#: So much of one value is read; a megabyte is stored, shown and signed, but nobody searches for its end.
READ = 100_000


def of(texts: Iterable[str]) -> list[str]:
    """The different words of some texts, in the order in which they come."""
    words: dict[str, None] = {}
    for text in texts:
        for found in WORD.finditer(unicodedata.normalize("NFKC", text[:READ]).casefold()):
            words[found[0][:LONGEST]] = None
            if len(words) == MOST:
                return list(words)
    return list(words)


def query(text: str) -> str:
    """A text query in which every word may go on: `'inv':* & '42':*`; empty where there is no word."""
    return " & ".join(f"'{word}':*" for word in of([text]))


def texts_in(value: Any) -> Iterator[str]:
    """Every name and value in some JSON, as text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
    elif value is not None:
        yield str(value)
