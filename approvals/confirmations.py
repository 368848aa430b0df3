"""What a reviewer types under the manual gate: a text made from the arguments. Pure.

A fixed word is soon typed without reading. The recipient or the amount has to be looked at first, and typing
it is a second reading of the very value that runs. Where the text cannot be made, the action's exact name
stands in for it, and the ticket says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unicodedata import normalize

from approvals import masks, placeholders, wording

#: The room for it on a ticket.
LONGEST = 200


class Unfilled(ValueError):
    """The text cannot be made from these arguments; the sentence says why."""


def problem(template: str) -> str | None:
    """Why a policy may not ask for this; None where it may. Nothing at all asks for the action's name."""
    try:
        fields = placeholders.paths(template)
    except ValueError:
        return "Braces surround the path of an argument, such as {to} or {customer.name}."
    if template.strip() and not fields:
        return "A fixed word is soon typed without reading: name an argument, such as {amount}."
    return None


def filled(template: str, *, action: str, args: Mapping[str, Any]) -> tuple[str, str]:
    """What has to be typed, and why it is only the action's name; the second is empty where it is not."""
    if not template.strip():
        return action, ""
    try:
        return _made(template, args), ""
    except Unfilled as why:
        return action, f"The policy asks for “{template}”, but {why}. Type the name of the action instead."


def fits(typed: str, wanted: str) -> bool:
    """Is it what was asked for? Only what stands around it is forgiven, and which of two ways an é is written."""
    return normalize("NFC", typed).strip() == normalize("NFC", wanted).strip()


def _made(template: str, args: Mapping[str, Any]) -> str:
    try:
        text = "".join(before + _value(path, args) for before, path in placeholders.parts(template)).strip()
    except Unfilled:
        raise
    except ValueError:
        raise Unfilled("that is no template") from None
    if not text or len(text) > LONGEST:
        raise Unfilled("that comes to nothing" if not text else f"that is longer than {LONGEST} characters")
    if "\n" in text or "\t" in text or any(marked for marked, _ in wording.pieces(text)):
        raise Unfilled("that has characters which cannot be typed from what is seen")
    return text


def _value(path: str | None, args: Mapping[str, Any]) -> str:
    if path is None:
        return ""
    try:
        value = placeholders.at(masks.value(dict(args)), path)
    except placeholders.Missing:
        raise Unfilled(f"there is no argument {path}") from None
    if isinstance(value, str) and masks.MARK.search(value):
        raise Unfilled(f"{path} is a secret, which nobody is asked to type")
    if value is None or isinstance(value, dict | list):
        raise Unfilled(f"{path} is not a text or a number")
    return value if isinstance(value, str) else wording.as_json(value)
