"""What was typed into the fields, as values again. Pure.

Types survive: what was not touched comes back as the very value it was, whatever the form could show of
it. *Absent*, `null` and `""` are three states with a control of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from approvals import fields, shapes
from approvals.fields import Field
from approvals.shapes import MISSING

LARGEST = 2**53 - 1  # beyond it JSON readers disagree about an integer
#: The place of an item in the list as it was, or `n` and a number for a new one.
_ROW = re.compile(r"n?[0-9]{1,4}")


class Unreadable(ValueError):
    """What was typed is not a value of the field's type; the sentence says what would be."""


def read(shown: Field, data: Mapping[str, str]) -> Any:
    """The value after what was typed, MISSING where it is left out. Errors stay on the fields."""
    match shown.kind:
        case "kept":
            return shown.value
        case "fixed" | "hidden":
            return MISSING
        case "object":
            return _read_nested(shown, data, _read_object)
        case "rows":
            return _read_nested(shown, data, _read_rows)
        case "variant":
            return _read_nested(shown, data, _read_variant)
    return _read_leaf(shown, data)


def _read_leaf(shown: Field, data: Mapping[str, str]) -> Any:
    if shown.name not in data:
        return shown.value
    before, state = shown.text, shown.presence
    shown.text = data[shown.name].replace("\r\n", "\n")
    shown.presence = data.get(f"{shown.name}~state", state) if shown.has_presence else state
    typed = shown.text != before
    shown.is_changed = typed or shown.presence != state
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


def _read_nested(shown: Field, data: Mapping[str, str], inside: Callable[[Field, Mapping[str, str]], Any]) -> Any:
    """What is inside, unless the whole is null or left out; typing something inside makes it be there."""
    before = shown.presence
    after = data.get(f"{shown.name}~state", before) if shown.has_presence else before
    found = inside(shown, data)
    has_typed = any(part.is_changed for part in shown.parts())
    shown.is_changed = shown.is_changed or after != before
    if not has_typed and after == before:
        return shown.value
    shown.presence = "value" if after == before else after
    if shown.presence == "value":
        return found
    return None if shown.presence == "null" else MISSING


def _read_object(shown: Field, data: Mapping[str, str]) -> Any:
    known = shown.value if isinstance(shown.value, dict) else {}
    after = {child.path[-1]: read(child, data) for child in shown.children}
    if known is not shown.value:  # it was not there: what it can only be goes without saying
        after |= {child.path[-1]: child.value for child in shown.children if child.kind == "fixed" and child.required}
    return {key: after[key] for key in dict.fromkeys((*known, *after)) if after[key] is not MISSING}


def _read_rows(shown: Field, data: Mapping[str, str]) -> Any:
    posted = data.get(f"{shown.name}~rows", shown.text)
    keys = [key for key in dict.fromkeys(posted.split(",")) if _ROW.fullmatch(key)][: shapes.ROWS]
    shown.is_changed = ",".join(keys) != shown.text
    shown.children = [fields.row(shown, key, number=n) for n, key in enumerate(keys, start=1)]
    shown.text = ",".join(keys)
    values = [read(child, data) for child in shown.children]
    for child, value in zip(shown.children, values, strict=True):
        child.is_blank = value is MISSING and not child.errors
    return [value for value in values if value is not MISSING]


def _read_variant(shown: Field, data: Mapping[str, str]) -> Any:
    picked = data.get(f"{shown.name}~variant", shown.text)
    if picked != shown.text and picked.isdecimal() and len(picked) < 3 and int(picked) < len(shown.options):
        shown.is_changed, shown.text = True, picked
        shown.children = [fields.variant(shown, int(picked))]
    return read(shown.children[0], data)


def parsed(shown: Field) -> Any:
    """What was typed, as the field's type. Raises Unreadable."""
    text = shown.text
    match shown.kind:
        case "text" | "long" | "date":
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
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once_each)
    except Unreadable:
        raise
    except json.JSONDecodeError as error:
        raise Unreadable(f"This is not JSON: {error.msg} in line {error.lineno}.") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable("This is not JSON that can be kept exactly.") from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that stands there twice nobody could say which value was meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("The same key stands twice in one object; keep one of them.")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(name)
