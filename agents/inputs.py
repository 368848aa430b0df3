"""Can a graph take this input? Asked where it is said, before a run is made of it; no graph is loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from agents import registry
from agents.entries import GraphEntry
from agents.errors import BadInput
from agents.models import GraphDrawing
from approvals import complaints, masks, wording


def check(entry: GraphEntry, value: Any) -> None:
    """Raise BadInput that names the field unless the graph can take the value."""
    if not isinstance(value, dict):
        raise BadInput(why="it must be a JSON object.")
    if not _storable(value):
        raise BadInput(why="it holds text or numbers that the database cannot keep.")
    found = best_match(Draft202012Validator(entry.input_schema or {}).iter_errors(value))
    if found is not None:
        raise BadInput(why=f"{_place(found)}{complaints.of(found)}.")


def of_message(entry: GraphEntry, message: str) -> dict[str, Any]:
    """A plain sentence as this graph's input, by what its entry says or a worker has seen.

    Raises TakesNoMessage or BadInput.
    """
    if not message.strip():
        raise BadInput(why="the message is empty; say what the agent is to do.")
    if entry.input_schema is None and not entry.message:
        entry = replace(entry, input_schema=_seen(entry.name))
    return registry.message_input(entry, message)


def schemas() -> dict[str, dict[str, Any]]:
    """What the graphs declare themselves, as far as a worker has loaded them. One query."""
    return dict(GraphDrawing.objects.values_list("name", "input_schema"))


def _seen(name: str) -> dict[str, Any]:
    return GraphDrawing.objects.filter(name=name).values_list("input_schema", flat=True).first() or {}


def _place(found: ValidationError) -> str:
    return f"{wording.visible(masks.text(found.json_path))}: " if found.absolute_path else ""


def _storable(value: Any) -> bool:
    """Will Postgres take it? It knows no U+0000 and no lone surrogates."""
    try:
        return "\\u0000" not in json.dumps(value) and bool(json.dumps(value, ensure_ascii=False).encode())
    except (TypeError, ValueError):
        return False
