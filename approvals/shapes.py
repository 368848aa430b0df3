"""What a JSON Schema and a value come to in a form: how each property can be edited without loss. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from approvals import wording

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()
DEPTH = 3
LONG_TEXT = 80
#: Nobody looks through more than this in a form, and Django takes no form with more than 1,000 fields.
MANY = 200
#: A longer list is edited as JSON; so is what may be one of more kinds than VARIANTS.
ROWS = 50
VARIANTS = 8
#: What is not there yet is offered as fields only where they are few.
FEW = 12

CHECKS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str) and not any(map(wording.is_unseen, value)),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One property: the schema behind its references, and the kind of field that carries it."""

    kind: str
    schema: Mapping[str, Any]
    nullable: bool = False
    options: list[Any] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in the form a property stands."""

    root: Mapping[str, Any]
    depth: int
    #: Can the form be drawn anew with another row, or as another kind? An answer's form cannot.
    has_steps: bool


def of(value: Any, given: Any, *, at: Place) -> Shape:
    """How a property is edited; what no field can carry is edited as JSON."""
    schema, nullable = resolved(given, at.root)
    options, titles = _options(schema)
    kind = _kind(schema, value, options, at)
    return Shape(
        kind=kind,
        schema=schema,
        nullable=nullable,
        options=options if kind == "choice" else _variants(schema, at.root) if kind == "variant" else [],
        titles=titles if kind == "choice" else [],
    )


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


def resolved(schema: Any, root: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The schema behind local references and "this or null", and whether null is allowed."""
    nullable = False
    for _ in range(8):
        if not isinstance(schema, dict):
            return {}, nullable
        whole = schema.get("allOf")
        either = schema.get("anyOf", schema.get("oneOf"))
        if str(schema.get("$ref", "")).startswith("#/"):
            schema = {**_at(root, schema["$ref"]), **{k: v for k, v in schema.items() if k != "$ref"}}
        elif isinstance(whole, list) and len(whole) == 1 and isinstance(whole[0], dict):
            schema = {**whole[0], **{k: v for k, v in schema.items() if k != "allOf"}}
        elif isinstance(either, list) and {"type": "null"} in either:
            nullable, rest = True, [option for option in either if option != {"type": "null"}]
            outer = {k: v for k, v in schema.items() if k not in {"anyOf", "oneOf"}}
            alone = len(rest) == 1 and isinstance(rest[0], dict)
            schema = {**outer, **rest[0]} if alone else {**outer, "anyOf": rest}
        elif isinstance(kinds := schema.get("type"), list):
            nullable, rest = nullable or "null" in kinds, [kind for kind in kinds if kind != "null"]
            schema = {**schema, "type": rest[0]} if len(rest) == 1 else _one_of_kinds(schema, rest)
        else:
            return schema, nullable
    return {}, nullable


def fits(value: Any, given: Any, root: Mapping[str, Any]) -> bool:
    """Is the value of this kind, as far as its fields are concerned?"""
    schema, nullable = resolved(given, root)
    if value is None:
        return nullable or schema.get("type") == "null"
    if "const" in schema:
        return wording.same(value, schema["const"])
    if isinstance(schema.get("enum"), list):
        return any(wording.same(value, option) for option in schema["enum"])
    kind = schema.get("type", "object" if "properties" in schema else None)
    if not isinstance(kind, str) or not CHECKS.get(kind, _never)(value):
        return False
    return not isinstance(value, dict) or _has_keys(value, schema)


def needed_keys(schema: Mapping[str, Any]) -> list[str]:
    """The names that `required` lists."""
    required = schema.get("required")
    return [key for key in required if isinstance(key, str)] if isinstance(required, list) else []


def _has_keys(value: dict[str, Any], schema: Mapping[str, Any]) -> bool:
    known = schema.get("properties")
    inner = known if isinstance(known, dict) else {}
    marks = {key: one["const"] for key, one in inner.items() if isinstance(one, dict) and "const" in one}
    told_apart = all(key in value and wording.same(value[key], mark) for key, mark in marks.items())
    return told_apart and all(key in value for key in needed_keys(schema))


def _one_of_kinds(schema: dict[str, Any], kinds: list[Any]) -> dict[str, Any]:
    outer = {key: value for key, value in schema.items() if key != "type"}
    return {**outer, "anyOf": [{"type": kind} for kind in kinds]}


def _at(root: Mapping[str, Any], reference: str) -> dict[str, Any]:
    found: Any = root
    for part in reference[2:].split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _kind(schema: dict[str, Any], value: Any, options: list[Any], at: Place) -> str:
    if schema.get("readOnly"):
        return "kept" if value is not MISSING else "hidden"
    if "const" in schema:
        return "kept" if value is not MISSING else "fixed"
    if options:
        here = value is MISSING or value is None or any(wording.same(value, option) for option in options)
        return "choice" if here and len(options) <= MANY else "json"
    kind = schema.get("type", "object" if "properties" in schema else None)
    if kind is None and at.has_steps and _is_variant(schema, value, at.root):
        return "variant"
    if not isinstance(kind, str) or not (value is MISSING or value is None or CHECKS.get(kind, _never)(value)):
        return "json"
    match kind:
        case "string":
            return _text_kind(schema, value)
        case "array":
            return _list_kind(schema, value, at)
        case "object":
            return "object" if _is_plain(schema, value, at) else "json"
    return kind if kind in {"number", "integer"} else "json"


def _text_kind(schema: dict[str, Any], value: Any) -> str:
    limit = schema.get("maxLength")
    is_roomy = isinstance(limit, int | float) and limit > 200
    if isinstance(value, str) and (len(value) > LONG_TEXT or "\n" in value):
        return "long"
    # The browser's own field for a date says nothing at all when it holds something else.
    if schema.get("format") == "date" and (not isinstance(value, str) or _DATE.fullmatch(value)):
        return "date"
    return "long" if is_roomy else "text"


def _list_kind(schema: dict[str, Any], value: Any, at: Place) -> str:
    items, nullable = resolved(schema.get("items"), at.root)
    if "prefixItems" in schema:
        return "json"
    if not nullable and _is_lines(items, value):
        return "lines"
    is_scalar = items.get("type") in {"string", "number", "integer"} or bool(_options(items)[0])
    is_object = items.get("type", "object") == "object" and isinstance(items.get("properties"), dict)
    if not at.has_steps or not (is_scalar or is_object) or at.depth >= DEPTH:
        return "json"
    known = value if isinstance(value, list) else []
    here = all(of(item, schema["items"], at=at).kind != "json" for item in known[: ROWS + 1])
    return "rows" if here and len(known) <= ROWS else "json"


def _is_lines(items: dict[str, Any], value: Any) -> bool:
    kind = items.get("type")
    if kind not in {"string", "number", "integer"} or _options(items)[0] or "const" in items:
        return False
    return value is MISSING or value is None or all(CHECKS[kind](item) and "\n" not in str(item) for item in value)


def _is_plain(schema: dict[str, Any], value: Any, at: Place) -> bool:
    """Can each property have a field of its own?"""
    known = schema.get("properties")
    if not isinstance(known, dict) or at.depth > DEPTH:
        return False
    if not isinstance(value, dict):
        return len(known) <= FEW and at.depth < 2 and not any(map(wording.is_unseen, "".join(known)))
    return len({*known, *value}) <= MANY and not any(map(wording.is_unseen, "".join(value)))


def _is_variant(schema: dict[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    found = _variants(schema, root)
    return bool(found) and (value is MISSING or value is None or any(fits(value, option, root) for option in found))


def _variants(schema: dict[str, Any], root: Mapping[str, Any]) -> list[Any]:
    """The kinds that a value may be of; none where no field could tell them apart."""
    either = schema.get("anyOf", schema.get("oneOf"))
    if not isinstance(either, list) or not 1 < len(either) <= VARIANTS:
        return []
    found = [resolved(option, root)[0] for option in either]
    return found if all(_has_kind(option) for option in found) else []


def _has_kind(schema: dict[str, Any]) -> bool:
    return isinstance(schema.get("type", "object" if "properties" in schema else None), str) or "const" in schema


def _never(value: Any) -> bool:
    return False


def _options(schema: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """What there is to choose from, and what the schema calls it."""
    if schema.get("type") == "boolean":
        return [True, False], []
    if isinstance(schema.get("enum"), list):
        return list(schema["enum"]), []
    either = schema.get("oneOf", schema.get("anyOf"))
    if not isinstance(either, list) or not all(isinstance(one, dict) and "const" in one for one in either):
        return [], []
    return [one["const"] for one in either], [str(one.get("title") or "") for one in either]
