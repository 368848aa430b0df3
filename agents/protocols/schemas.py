"""Checking a whole answer against a JSON Schema before anything is resumed.

LangGraph stores a bad answer and replays it for ever, which bricks the thread.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from agents.errors import BadAnswer


def check(value: Any, schema: dict[str, Any] | None) -> None:
    """Raise BadAnswer that names the field unless the value validates; no schema allows everything."""
    if not schema:
        return
    try:
        found = best_match(Draft202012Validator(schema).iter_errors(value))
    except SchemaError as error:
        raise BadAnswer(why=f"its own schema is not valid: {error.message}.") from error
    if found is not None:
        raise BadAnswer(why=f"{found.json_path}: {found.message}.")
