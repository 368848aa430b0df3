"""What arguments may look like: size, depth, and the action's JSON Schema. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from approvals import complaints, digests, masks, schemas
from approvals.errors import InvalidArguments, TooLarge

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_KEYS = 2_000
MAX_NAME = 200


def check_shape(args: Any) -> None:
    """Refuse what no ticket may carry.

    Raises InvalidArguments where the value is no JSON object with a canonical form, TooLarge beyond
    256 KiB, 32 levels or 2,000 keys.
    """
    if not isinstance(args, dict):
        raise InvalidArguments([{"path": "", "message": "arguments must be a JSON object"}])
    _measure(args)
    try:
        body = digests.canonical(args)
        # 1e17 is written 100000000000000000, which comes back from the database as an integer too large.
        digests.canonical(json.loads(body))
    except digests.NotCanonical as error:
        raise InvalidArguments([{"path": "", "message": str(error)}]) from error
    if len(body) > MAX_BYTES:
        raise TooLarge(limit="at most 256 KiB")
    if b"\\u0000" in body and _has_nul(args):
        raise InvalidArguments([{"path": "", "message": "text may not contain the character U+0000"}])


def check_name(name: str, *, what: str) -> None:
    """A name is at most 200 characters of text that the database can keep. Raises InvalidArguments."""
    fits = isinstance(name, str) and len(name) <= MAX_NAME and "\x00" not in name
    if not fits or name != name.encode("utf-8", "replace").decode():
        raise InvalidArguments([{"path": "", "message": f"the {what} must be text of at most {MAX_NAME} characters"}])


def check_words(words: str, *, path: str) -> None:
    """What a person says is text that the database and the record can keep. Raises InvalidArguments."""
    if "\x00" in words or words != words.encode("utf-8", "replace").decode():
        raise InvalidArguments([{"path": path, "message": "text may not contain U+0000 or half of a character"}])


def check_schema(args: Any, schema: dict[str, Any] | None) -> None:
    """Validate against the action's JSON Schema. Raises InvalidArguments naming each field that is wrong."""
    if not schema:
        return
    try:
        found = sorted(schemas.errors(args, schema), key=lambda error: list(map(str, error.absolute_path)))
    except schemas.Unusable as error:
        why = masks.text(schemas.UNUSED.format(what=schemas.ARGS, why=error))
        raise InvalidArguments([{"path": "", "message": why}]) from error
    if found:
        raise InvalidArguments(
            [{"path": masks.pointer(error.absolute_path), "message": complaints.of(error)} for error in found]
        )


def _measure(value: Any) -> None:
    keys = 0
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        keys += sum(len(item) for item in level if isinstance(item, dict))
        if keys > MAX_KEYS:
            raise TooLarge(limit=f"at most {MAX_KEYS} keys")
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise TooLarge(limit=f"at most {MAX_DEPTH} levels deep")


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    keys = value if isinstance(value, dict) else ()
    return any("\x00" in key for key in keys) or any(_has_nul(child) for child in _children(value))
