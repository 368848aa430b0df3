"""What is known of an action whatever its arguments: who said it, whose word counts, and how it reads. Pure.

A tool says it in its metadata, its graph's registry entry beside that, an administrator over both. How an
action is shown is for the one who knows it best to say; how much of a risk it is, is not for the agent's own
side to play down: without an administrator's word it is medium at least.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, fields, replace
from typing import Any

from approvals import placeholders, wording
from approvals.contract import Card
from approvals.states import Risk

LONGEST = {"title": 200, "undo": 500, "environment": 100}
MOST_SALIENT = 20
_RISKS = list(Risk.values)


class BadCard(ValueError):
    """This is not what a card says; the sentence says why."""


def read(said: Mapping[str, Any]) -> Card:
    """A card of these facts. Raises BadCard for one that makes no sense."""
    if unknown := [key for key in said if key not in _READ]:
        raise BadCard(f"a card has no {unknown[0]!r}; it knows {', '.join(_READ)}")
    return Card(**{key: _READ[key](key, value) for key, value in said.items()})


def read_all(said: Mapping[str, Any]) -> dict[str, Card]:
    """The cards of several actions by name. Raises BadCard, naming the action."""
    found = {}
    for action, facts in said.items():
        try:
            found[action] = read(facts if isinstance(facts, dict) else {"": facts})
        except BadCard as problem:
            raise BadCard(f"the card of “{action}” cannot be used: {problem}.") from None
    return found


def claimed(said: Any) -> Card:
    """What a tool's metadata says, as far as it makes sense: anything else may stand there too."""
    facts = {}
    for key in _READ if isinstance(said, Mapping) else ():
        if key in said:
            with suppress(BadCard):
                facts[key] = _READ[key](key, said[key])
    return Card(**facts)


def kept(stored: Mapping[str, Any]) -> Card:
    """The card as a ticket keeps it."""
    return claimed(stored)


def beside(card: Card, other: Card) -> Card:
    """Both of the agent's side: the first where it says something, and the higher risk."""
    return replace(_over(card, other), risk=max(card.risk, other.risk, key=_weight))


def in_force(own: Card | None, claim: Card) -> Card:
    """The administrator's word over what the agent's side claims, which never makes the risk less than medium."""
    own = own or Card()
    return replace(_over(own, claim), risk=own.risk or max(claim.risk, Risk.MEDIUM.value, key=_weight))


def headline(card: Card, args: Mapping[str, Any]) -> str:
    """What will be done with these arguments; empty where the title cannot say it.

    One that names none of the arguments there are would hide them, and a value alone does not say what is done.
    """
    try:
        parts = placeholders.parts(card.title)
        told = [before + (_value(path, args) if path else "") for before, path in parts]
    except ValueError:
        return ""
    named = [path for _, path in parts if path]
    is_value = len(parts) == 1 and not parts[0][0].strip() and named
    return "" if is_value or (args and not named) else wording.visible(" ".join("".join(told).split()))


def as_json(card: Card) -> dict[str, Any]:
    """What the card says, for keeping; without what it does not say."""
    return {name: list(value) if name == "salient" else value for name, value in asdict(card).items() if _says(value)}


def _over(card: Card, other: Card) -> Card:
    said = {field.name: getattr(card, field.name) for field in fields(Card)}
    return replace(other, **{name: value for name, value in said.items() if _says(value)})


def _says(value: Any) -> bool:
    return value not in ("", (), None)


def _weight(risk: str) -> int:
    return _RISKS.index(risk) if risk in _RISKS else -1


def _value(path: str, args: Mapping[str, Any]) -> str:
    return wording.in_short(placeholders.at(args, path))


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST[key] or "\x00" in value:
        raise BadCard(f"“{key}” of a card is text of at most {LONGEST[key]} characters")
    return value


def _title(key: str, value: Any) -> str:
    try:
        placeholders.parts(_text(key, value))
    except BadCard:
        raise
    except ValueError:
        raise BadCard(f"“{key}” of a card has paths of arguments in its braces, such as {{to}}") from None
    return str(value)


def _names(key: str, value: Any) -> tuple[str, ...]:
    is_list = isinstance(value, list | tuple) and len(value) <= MOST_SALIENT
    if not is_list or not all(isinstance(name, str) and 0 < len(name) <= LONGEST["title"] for name in value):
        raise BadCard(f"“{key}” of a card is a list of at most {MOST_SALIENT} names of arguments")
    return tuple(value)


def _yes_or_no(key: str, value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise BadCard(f"“{key}” of a card is true or false")
    return value


def _risk(key: str, value: Any) -> str:
    if value not in ("", *_RISKS):
        raise BadCard(f"“{key}” of a card is one of {', '.join(_RISKS)}")
    return str(value)


_READ: dict[str, Callable[[str, Any], Any]] = {
    "title": _title,
    "salient": _names,
    "reversible": _yes_or_no,
    "undo": _text,
    "environment": _text,
    "risk": _risk,
}
