"""What is wrong with a value, in words for people who have never seen a JSON Schema. Pure."""

from __future__ import annotations

from typing import Any, cast

from jsonschema import ValidationError

from approvals import limits, wording

LONGEST = 500
KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no (true or false)",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
#: Of these there is so much in a value; of the other limits a value is so much itself.
COUNTED = frozenset({"minLength", "maxLength", "minItems", "maxItems"})


def of(error: ValidationError) -> str:
    """One sentence without its full stop, about the value itself: "must be more than 0"."""
    return _said(str(error.validator), error.validator_value, error)[:LONGEST]


def _said(rule: str, limit: Any, error: ValidationError) -> str:
    match rule:
        case "required":
            missing = [name for name in limit if name not in cast("dict[str, Any]", error.instance)]
            return f"{' and '.join(f'“{name}”' for name in missing)} {'is' if len(missing) == 1 else 'are'} missing"
        case "type":
            wanted = limit if isinstance(limit, list) else [limit]
            return f"must be {' or '.join(KINDS.get(str(kind), str(kind)) for kind in wanted)}"
        case "enum":
            return f"must be one of {', '.join(wording.as_json(option) for option in limit)}"
        case "const":
            return f"must be {wording.as_json(limit)}"
        case "uniqueItems":
            return "must have no item twice"
        case "pattern":
            return f"does not have the form it must have: {limit}"
        case "format":
            return f"must be {limits.FORMATS.get(limit, f'a valid {limit}')}"
        case _ if rule in limits.SAID:
            return f"must {'have' if rule in COUNTED else 'be'} {limits.of(rule, limit)}"
    return str(error.message)
