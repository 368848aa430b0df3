"""What is wrong with a value, in words for people who have never seen a JSON Schema.

Each rule has a sentence of our own: the library's quote the value, and a value may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from jsonschema import ValidationError

from approvals import limits, masks, patterns, wording

LONGEST = 500
#: So many names stand in one sentence.
NAMED = 20
KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no (true or false)",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
#: What may be said of a secret: how much there is of it its mark says too.
OF_SECRETS = limits.COUNTED | {"type", "required", "minProperties", "maxProperties"}
UNNAMED = "does not fit what the schema asks here"
PLAIN = {
    "not": "is what it must not be",
    "anyOf": "is nothing of what it may be",
    "oneOf": "must be exactly one of the things it may be",
    "uniqueItems": "must have no item twice",
    "contains": "does not have the items it must have",
    "minContains": "does not have the items it must have",
    "maxContains": "has too many of one kind of item",
    "items": "has more items than it may have",
    "additionalItems": "has more items than it may have",
    "unevaluatedItems": "has items that it may not have",
    "unevaluatedProperties": "has fields that it may not have",
}


def of(error: ValidationError) -> str:
    """One sentence without its full stop, about the value itself: "must be more than 0". It tells no secret."""
    return wording.visible(_said(error))[:LONGEST]


def _said(error: ValidationError) -> str:
    rule, limit = str(error.validator), error.validator_value
    if "propertyNames" in error.absolute_schema_path:
        return "has a field whose name it may not have"
    if rule == "None":  # where nothing at all may stand
        return "must not be there"
    if rule not in OF_SECRETS and masks.is_secret(error.absolute_path):
        return UNNAMED
    return PLAIN.get(rule) or _with_limit(rule, limit, error) or UNNAMED


def _with_limit(rule: str, limit: Any, error: ValidationError) -> str:
    match rule:
        case "required" if isinstance(limit, list):
            return _missing(limit, error.instance)
        case "dependentRequired":
            held = cast("dict[str, Any]", error.instance)
            return _missing([name for key, names in limit.items() if key in held for name in names], held)
        case "additionalProperties":
            return f"may not have {_named(_extras(error))}"
        case "type":
            wanted = limit if isinstance(limit, list) else [limit]
            return f"must be {' or '.join(KINDS.get(str(kind), 'something else') for kind in wanted)}"
        case "enum":
            return f"must be one of {', '.join(wording.as_json(option) for option in masks.value(limit))}"
        case "const":
            return f"must be {wording.as_json(masks.value(limit))}"
        case "pattern":
            return f"does not have the form that is asked for{_shown_by(error)}"
        case "format":
            return f"must be {limits.FORMATS.get(limit, masks.text(f'a valid {limit}'))}"
        case "minProperties" | "maxProperties":
            return f"must have at {'least' if rule == 'minProperties' else 'most'} {wording.counted(limit, 'field')}"
        case _ if rule in limits.SAID:
            return f"must {'have' if rule in limits.COUNTED else 'be'} {limits.of(rule, limit)}"
    return ""


def _shown_by(error: ValidationError) -> str:
    """Nobody who decides reads regular expressions: an example stands for it, else what it is called."""
    schema = cast("dict[str, Any]", error.schema)
    if example := limits.example(schema):
        return f", such as {masks.text(example)}"
    title = schema.get("title")
    return f" ({masks.text(title)})" if isinstance(title, str) and title else ""


def _missing(wanted: Iterable[str], held: Any) -> str:
    missing = [name for name in dict.fromkeys(wanted) if name not in held]
    return f"{_named(missing)} {'is' if len(missing) == 1 else 'are'} missing"


def _named(names: list[str]) -> str:
    return " and ".join(f"“{masks.text(str(name))}”" for name in names[:NAMED])


def _extras(error: ValidationError) -> list[str]:
    schema = cast("dict[str, Any]", error.schema)
    known, named = schema.get("properties", {}), schema.get("patternProperties", {})
    held = cast("dict[str, Any]", error.instance)
    return [key for key in held if key not in known and not any(patterns.is_found(one, key) for one in named)]
