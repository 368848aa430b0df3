"""What was typed into the fields, as values again. Pure.

Types survive: what was not touched comes back as the very value it was, whatever the form could show of
it. *Absent*, `null` and `""` are three states with a control of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from approvals.fields import MISSING, Field

LARGEST = 2**53 - 1  # beyond it JSON readers disagree about an integer


class Unreadable(ValueError):
    """What was typed is not a value of the field's type; the sentence says what would be."""


def read(shown: Field, data: Mapping[str, str]) -> Any:
    """The value after what was typed, MISSING where it is left out. Errors stay on the fields."""
    if shown.kind == "object":
        return _read_object(shown, data)
    if shown.kind == "kept" or shown.name not in data:
        return shown.value
    before, state = shown.text, shown.presence
    shown.text = data[shown.name].replace("\r\n", "\n")
    shown.presence = data.get(f"{shown.name}~state", state) if shown.has_presence else state
    typed = shown.text != before
    if shown.presence != "value" and not (typed and shown.presence == state):
        return None if shown.presence == "null" else MISSING
    if not typed and state == "value" and shown.value is not MISSING:
        return shown.value
    shown.presence = "value"
    try:
        return parsed(shown)
    except Unreadable as error:
        shown.errors.append(str(error))
        return shown.value


def _read_object(shown: Field, data: Mapping[str, str]) -> dict[str, Any]:
    after = {child.path[-1]: read(child, data) for child in shown.children}
    order = dict.fromkeys((*shown.value, *after))
    return {key: after[key] for key in order if after[key] is not MISSING}


def parsed(shown: Field) -> Any:
    """What was typed, as the field's type. Raises Unreadable."""
    text = shown.text
    match shown.kind:
        case "text" | "long":
            return text
        case "number" | "integer":
            return number(text, whole=shown.kind == "integer")
        case "lines":
            lines = text.removesuffix("\n").split("\n") if text else []
            return lines if shown.item == "string" else [number(n, whole=shown.item == "integer") for n in lines]
        case "choice":
            if text.isdecimal() and len(text) < 6 and int(text) < len(shown.options):
                return shown.options[int(text)]
            raise Unreadable("Choose one.")
    return from_json(text)


def number(text: str, *, whole: bool = False) -> int | float:
    """A number that JSON carries exactly. Raises Unreadable."""
    text = text.strip()
    if re.fullmatch(r"-?[0-9]{1,400}", text):
        if abs(int(text)) > LARGEST:
            raise Unreadable("This number is too large to be kept exactly.")
        return int(text)
    if whole:
        raise Unreadable("Enter a whole number, such as 250.")
    if not re.fullmatch(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][-+]?[0-9]{1,3})?", text):
        raise Unreadable("Enter a number with a point for decimals, such as 1250.00.")
    value = float(text)
    if value in (float("inf"), float("-inf")) or Decimal(repr(value)) != Decimal(text):
        raise Unreadable("This number has more digits than can be kept exactly.")
    return value


def from_json(text: str) -> Any:
    """Any JSON value. Raises Unreadable, naming the line."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise Unreadable(f"This is not JSON: {error.msg} in line {error.lineno}.") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable("This is not JSON that can be kept exactly.") from error


def _refuse(name: str) -> Any:
    raise ValueError(name)
