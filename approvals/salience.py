"""Which of the arguments matter most: what its card says, else money, numbers, and who or what is meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from approvals import placeholders, wording

MOST = 6
#: What is paid says more than to whom, where nobody says which matters most.
_MONEY = re.compile(r"(^|\s)(amount|total|price|sum)($|\s)")
#: What a name says where nobody else says it.
_TELLING = re.compile(
    r"(^|[_\s])(amount|total|price|sum|currency|quantity|to|cc|bcc|recipients?|payee|beneficiary|account|iban|email|"
    r"address|host|path|file|name|repo|repository|target|url|database|environment|user|customer)($|[_\s])"
)


def names(args: Mapping[str, Any], schema: Mapping[str, Any] | None, salient: Sequence[str] = ()) -> list[str]:
    """The paths of what matters, in order: the first is the headline."""
    if said := [path for path in salient if _is_there(args, path)]:
        return said
    items = wording.in_order(dict(args), dict(schema) if schema else None)
    found = [key for key, value in items if _is_telling(key, value)]
    return sorted(found or [key for key, _ in items], key=lambda key: not _is_money(key, args[key]))[:MOST]


def telling(args: Mapping[str, Any], salient: Sequence[str] = ()) -> list[str]:
    """Those that a card names, or that speak of money, a number or whom it is about; none where nothing does."""
    return list(salient) or [key for key, value in args.items() if _is_telling(key, value)]


def values(args: Mapping[str, Any], schema: Mapping[str, Any] | None, salient: Sequence[str] = ()) -> list[str]:
    """`amount 250.5`, `recipient bob`: each with its actual value."""
    known = schema.get("properties") if schema else None
    labels = known if isinstance(known, dict) else {}
    found = names(args, schema, salient)
    return [f"{wording.label_of(at, labels.get(at)).lower()} {wording.in_short(_value(args, at))}" for at in found]


def _value(args: Mapping[str, Any], path: str) -> Any:
    return args[path] if path in args else placeholders.at(args, path)


def _is_there(args: Mapping[str, Any], path: str) -> bool:
    try:
        _value(args, path)
    except placeholders.Missing:
        return False
    return True


def _is_telling(key: str, value: Any) -> bool:
    return _is_number(value) or bool(_TELLING.search(wording.words_of(key).lower()))


def _is_money(key: str, value: Any) -> bool:
    return _is_number(value) and bool(_MONEY.search(wording.words_of(key).lower()))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
