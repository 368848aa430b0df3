"""What a schema asks of a value, said beside its field before anybody types. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from approvals import wording

SAID = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
FORMATS = {
    "date": "a date, such as 2026-03-31",
    "date-time": "a date and time with its zone, such as 2026-03-31T14:30:00Z",
    "time": "a time with its zone, such as 14:30:00Z",
    "email": "an e-mail address",
    "uri": "an address that begins with https:// or the like",
    "uuid": "a UUID",
}


def said(schema: Mapping[str, Any]) -> str:
    """`At least 1, at most 100`; empty where anything goes."""
    words = ", ".join(_parts(schema))
    return words[:1].upper() + words[1:]


def _parts(schema: Mapping[str, Any]) -> Iterator[str]:
    kind = schema.get("format")
    if isinstance(kind, str) and kind in FORMATS:
        yield FORMATS[kind]
    for rule, words in SAID.items():
        limit = schema.get(rule)
        if isinstance(limit, int | float) and not isinstance(limit, bool) and not _says_nothing(rule, limit):
            yield words.format(f"{limit:,}" if isinstance(limit, int) else wording.as_json(limit))
    if schema.get("uniqueItems") is True:
        yield "none twice"
    if "default" in schema and len(text := wording.in_short(schema["default"])) <= wording.IN_SENTENCE:
        yield f"{text} where it is left out"


def _says_nothing(rule: str, limit: float) -> bool:
    return rule in {"minLength", "minItems"} and limit <= 0
