"""What the buttons of an edit form do to what was typed: another row, one less, as it was before. Pure.

A button posts the whole form with its step, and the form is drawn anew: so it works without a script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from approvals import shapes

STEP = re.compile(r"(add|remove|reset) (args[^ ]*)", re.DOTALL)


def taken(step: str, data: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """What is typed after the step, and the name of the field that has the focus next."""
    found = STEP.fullmatch(step)
    if not found:
        return dict(data), ""
    verb, name = found.groups()
    if verb == "reset":
        return {key: text for key, text in data.items() if not _is_inside(key, name)}, name
    rows, key = (name, "") if verb == "add" else (name.rpartition(".")[0], name.rpartition(".")[2])
    keys = [one for one in data.get(f"{rows}~rows", "").split(",") if one]
    if verb == "remove":
        return {**data, f"{rows}~rows": ",".join(one for one in keys if one != key)}, rows
    if len(keys) >= shapes.ROWS:
        return dict(data), rows
    new = f"n{max((int(one[1:]) for one in keys if re.fullmatch(r'n[0-9]{1,3}', one)), default=0) + 1}"
    return {**data, f"{rows}~rows": ",".join([*keys, new])}, f"{rows}.{new}"


def _is_inside(key: str, name: str) -> bool:
    return (key.startswith("args") and name == "args") or key == name or key.startswith((f"{name}.", f"{name}~"))
