"""What a schema asks of a value, said beside its field before anybody types. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from approvals import wording

SAID = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} character{s}",
    "maxLength": "at most {} character{s}",
    "minItems": "at least {} item{s}",
    "maxItems": "at most {} item{s}",
}
#: Of these there is so much in a value; of the other limits a value is so much itself.
COUNTED = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
FORMATS = {
    "date": "a date, such as 2026-03-31",
    "date-time": "a date and time with its zone, such as 2026-03-31T14:30:00Z",
    "time": "a time with its zone, such as 14:30:00Z",
    "email": "an e-mail address",
    "uri": "an address that begins with https:// or the like",
    "uuid": "a UUID",
}


def said(schema: Mapping[str, Any], *, beside: Iterable[str] = ()) -> str:
    """`At least 1, at most 100`; empty where anything goes. What the words beside it say is not said again."""
    told = " ".join(beside).casefold()
    words = ", ".join(part for part in _parts(schema) if not _is_in(told, part.casefold()))
    return words[:1].upper() + words[1:]


def of(rule: str, limit: float) -> str:
    """One of SAID in words: `at least 3 characters`."""
    number = f"{limit:,}" if isinstance(limit, int) else wording.as_json(limit)
    return SAID[rule].format(number, s="" if limit == 1 else "s")


def example(schema: Mapping[str, Any]) -> str:
    """The first text that it gives as an example and that is short enough for a sentence; empty where none is."""
    given = schema.get("examples")
    texts = (one for one in given if isinstance(one, str)) if isinstance(given, list) else ()
    return next((text for text in texts if 0 < len(text) <= wording.IN_SENTENCE), "")


def _is_in(told: str, part: str) -> bool:
    """`at least 1` is not in `at least 10`, nor in `at least 1.5`."""
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w|[.,]\d)", told) is not None


def _parts(schema: Mapping[str, Any]) -> Iterator[str]:
    kind = schema.get("format")
    if isinstance(kind, str) and kind in FORMATS:
        yield FORMATS[kind]
    if "pattern" in schema and (shown := example(schema)):
        yield f"such as {wording.visible(shown)}"
    for rule in SAID:
        limit = schema.get(rule)
        if isinstance(limit, int | float) and not isinstance(limit, bool) and not _says_nothing(rule, limit):
            yield of(rule, limit)
    if schema.get("uniqueItems") is True:
        yield "no item twice"
    if "default" in schema and len(text := wording.in_short(schema["default"])) <= wording.IN_SENTENCE:
        yield f"{text} where it is left out"


def _says_nothing(rule: str, limit: float) -> bool:
    return rule in {"minLength", "minItems"} and limit <= 0
