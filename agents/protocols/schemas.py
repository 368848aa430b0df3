"""Checking a whole answer against a JSON Schema before anything is resumed.

LangGraph stores a bad answer and replays it for ever, which bricks the thread.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from agents.errors import BadAnswer


def check(value: Any, schema: dict[str, Any] | None) -> None:
    """Raise BadAnswer that names the field unless the value validates; no schema allows everything."""
    if not schema:
        return
    try:
        # A registry of its own: by default the library would fetch whatever address a `$ref` names.
        found = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(value))
    except Unresolvable as error:
        raise BadAnswer(why=f"its own schema is not whole: {error}.") from error
    except SchemaError as error:
        raise BadAnswer(why=f"its own schema is not valid: {error.message}.") from error
    if found is not None:
        raise BadAnswer(why=f"{found.json_path}: {found.message}.")
