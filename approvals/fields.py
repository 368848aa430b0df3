"""The fields of a form made from a JSON Schema and the values it starts from. Pure.

What no field can carry without loss is edited as JSON, that property only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from approvals import wording

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()
DEPTH = 3
LONG_TEXT = 80
#: Nobody looks through more than this in a form, and Django takes no form with more than 1,000 fields.
MANY = 200
#: More than this nobody looks through in a form.
MANY = 200

CHECKS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str) and not any(map(wording.is_unseen, value)),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


@dataclass(kw_only=True)
class Field:
    """One property: how it is shown, what it was, what was typed."""

    path: tuple[str, ...]
    id: str
    label: str
    kind: str
    value: Any = MISSING
    text: str = ""
    hint: str = ""
    required: bool = True
    nullable: bool = False
    item: str = "string"
    options: list[Any] = field(default_factory=list)
    children: list[Field] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    presence: str = "value"

    @property
    def name(self) -> str:
        """The name in the posted form: `args.to`; a dot inside a key is written ~1."""
        return ".".join(("args", *(key.replace("~", "~0").replace(".", "~1") for key in self.path)))

    @property
    def has_presence(self) -> bool:
        """May it be null or left out?"""
        return self.kind not in {"object", "kept"} and (self.nullable or not self.required)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Index and words of each option."""
        words = {True: "Yes", False: "No"}
        return [(str(n), words[o] if isinstance(o, bool) else wording.in_short(o)) for n, o in enumerate(self.options)]

    def leaves(self) -> Iterator[Field]:
        """This field or those inside it."""
        if self.kind != "object":
            yield self
        for child in self.children:
            yield from child.leaves()

    def posted(self) -> dict[str, str]:
        """What a browser would send for it, untouched."""
        return {name: text for leaf in self.leaves() for name, text in _sent(leaf)}


def _sent(leaf: Field) -> Iterator[tuple[str, str]]:
    if leaf.kind != "kept":
        yield leaf.name, leaf.text
    if leaf.has_presence:
        yield f"{leaf.name}~state", leaf.presence


def of(args: dict[str, Any], schema: dict[str, Any] | None, *, id: str = "arg") -> Field:
    """The root: an object field, or one JSON field where the keys cannot be form names."""
    root = schema if isinstance(schema, dict) and schema.get("properties") else inferred(args)
    return _field((), args, root, root=root, required=True, id=id)


def inferred(value: Any) -> dict[str, Any]:
    """A schema made from a value, for an action that brought none."""
    if isinstance(value, dict):
        return {"type": "object", "properties": {k: inferred(v) for k, v in value.items()}, "required": list(value)}
    if isinstance(value, list):
        kinds = {inferred(item).get("type") for item in value}
        one = kinds.pop() if len(kinds) == 1 else None
        return {"type": "array", "items": {"type": one}} if one in {"string", "number"} else {}
    kind = next((kind for kind in ("string", "boolean", "number") if CHECKS[kind](value)), None)
    return {"type": kind} if kind else {}


def resolved(schema: Any, root: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The schema behind local references and "this or null", and whether null is allowed."""
    nullable = False
    for _ in range(8):
        if not isinstance(schema, dict):
            return {}, nullable
        if str(schema.get("$ref", "")).startswith("#/"):
            schema = {**_at(root, schema["$ref"]), **{k: v for k, v in schema.items() if k != "$ref"}}
        elif isinstance(either := schema.get("anyOf", schema.get("oneOf")), list) and {"type": "null"} in either:
            nullable, rest = True, [option for option in either if option != {"type": "null"}]
            outer = {k: v for k, v in schema.items() if k not in {"anyOf", "oneOf"}}
            schema = {**outer, **rest[0]} if len(rest) == 1 and isinstance(rest[0], dict) else {**outer, "not": {}}
        elif isinstance(kinds := schema.get("type"), list):
            nullable, rest = nullable or "null" in kinds, [kind for kind in kinds if kind != "null"]
            schema = {**schema, "type": rest[0] if len(rest) == 1 else None}
        else:
            return schema, nullable
    return {}, nullable


def _at(root: dict[str, Any], reference: str) -> dict[str, Any]:
    found: Any = root
    for part in reference[2:].split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _field(path: tuple[str, ...], value: Any, given: Any, *, root: Any, required: bool, id: str) -> Field:
    schema, nullable = resolved(given, root)
    kind, options = _kind(schema, value, depth=len(path))
    hint = schema.get("description")
    made = Field(
        path=path,
        id=id,
        label=wording.label_of(path[-1], schema) if path else "",
        kind=kind,
        value=value,
        hint=wording.visible(hint) if isinstance(hint, str) else "",
        required=required,
        nullable=nullable,
        options=options,
        item=resolved(schema.get("items"), root)[0].get("type", "string") if kind == "lines" else "",
        presence="absent" if value is MISSING else "null" if value is None and nullable else "value",
    )
    if kind == "object":
        made.children = list(_children(made, schema, root))
    made.text = text_of(made)
    return made


def _children(parent: Field, schema: dict[str, Any], root: Any) -> Iterator[Field]:
    known: dict[str, Any] = schema["properties"]
    required = schema.get("required")
    needed = [key for key in required if isinstance(key, str)] if isinstance(required, list) else []
    first = [key for key in needed if key in known]
    for n, key in enumerate(dict.fromkeys((*first, *known, *parent.value))):
        value = parent.value.get(key, MISSING)
        at = {"root": root, "id": f"{parent.id}-{n}"}
        child = _field((*parent.path, key), value, known.get(key), required=key in needed, **at)
        if key not in known:
            child.kind, child.children = "kept", []
        yield child


def _is_roomy(schema: dict[str, Any]) -> bool:
    limit = schema.get("maxLength")
    return isinstance(limit, int | float) and limit > 200


def _kind(schema: dict[str, Any], value: Any, *, depth: int) -> tuple[str, list[Any]]:
    """How a property is edited; what no field can carry is edited as JSON."""
    if schema.get("readOnly") or "const" in schema:
        return ("kept" if value is not MISSING else "json"), []
    if options := _options(schema):
        fits = value is MISSING or value is None or any(wording.same(value, option) for option in options)
        return ("choice", options) if fits and len(options) <= MANY else ("json", [])
    kind = schema.get("type", "object" if "properties" in schema else None)
    if not isinstance(kind, str) or not (value is MISSING or value is None or CHECKS.get(kind, _never)(value)):
        return "json", []
    if kind == "string":
        long = isinstance(value, str) and (len(value) > LONG_TEXT or "\n" in value)
        return ("long" if long or _is_roomy(schema) else "text"), []
    if kind == "array":
        return ("lines" if _is_lines(schema, value) else "json"), []
    if kind == "object":
        known = schema.get("properties")
        plain = isinstance(known, dict) and isinstance(value, dict) and depth <= DEPTH
        plain = plain and len({*(known or {}), *value}) <= MANY
        return ("object" if plain and not any(map(wording.is_unseen, "".join(value))) else "json"), []
    return (kind if kind in {"number", "integer"} else "json"), []


def _never(value: Any) -> bool:
    return False


def _options(schema: dict[str, Any]) -> list[Any]:
    if schema.get("type") == "boolean":
        return [True, False]
    if isinstance(schema.get("enum"), list):
        return list(schema["enum"])
    either = schema.get("oneOf")
    constants = isinstance(either, list) and all(isinstance(option, dict) and "const" in option for option in either)
    return [option["const"] for option in either or []] if constants else []


def _is_lines(schema: dict[str, Any], value: Any) -> bool:
    items = schema.get("items")
    kind = items.get("type") if isinstance(items, dict) and "enum" not in items else None
    if kind not in {"string", "number", "integer"}:
        return False
    return value is MISSING or value is None or all(CHECKS[kind](item) and "\n" not in str(item) for item in value)


def text_of(shown: Field) -> str:
    """The value as the form shows it."""
    value = shown.value
    if shown.kind == "kept" or (shown.kind == "json" and value is not MISSING and shown.presence == "value"):
        escaped = any(map(wording.is_unseen, wording.as_json(value)))
        return json.dumps(value, indent=2, ensure_ascii=escaped)
    if value is MISSING or value is None or shown.kind == "object":
        return ""
    if shown.kind == "choice":
        return str(next(n for n, option in enumerate(shown.options) if wording.same(option, value)))
    if shown.kind == "lines":
        return "\n".join(item if isinstance(item, str) else wording.as_json(item) for item in value)
    return value if isinstance(value, str) else wording.as_json(value)
