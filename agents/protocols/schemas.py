"""Checking a whole answer against a JSON Schema before anything is resumed.

LangGraph stores a bad answer and replays it for ever, which bricks the thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema.exceptions import best_match

from agents.errors import BadAnswer
from approvals import complaints, masks, schemas, wording


def check(value: Any, schema: dict[str, Any] | None) -> None:
    """Raise BadAnswer that names the field unless the value validates; no schema allows everything."""
    if not schema:
        return
    try:
        found = best_match(schemas.errors(value, schema))
    except schemas.Unusable as error:
        raise BadAnswer(why=masks.text(f"{schemas.UNUSED.format(what=schemas.ANSWER, why=error)}.")) from error
    if found is not None:
        where = wording.visible(masks.pointer(found.absolute_path))
        raise BadAnswer(why=f"{where or 'it'} {complaints.of(found)}.")


def keeping(schema: dict[str, Any] | None, kept: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema, under which these values are shown and cannot be changed."""
    if not kept:
        return schema
    known = schema or {"type": "object"}
    fixed = {name: {"const": value} for name, value in kept.items()}
    return {**known, "properties": {**(known.get("properties") or {}), **fixed}}
