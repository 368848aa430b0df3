"""Which argument is the headline of a ticket, which others matter, and in what order all of them stand."""

from __future__ import annotations

from typing import Any

import pytest

from approvals import display, salience


def shown(args: dict[str, Any], *salient: str, required: tuple[str, ...] = ()) -> list[str]:
    """The names in order: the headline as `=amount`, what else matters as `+to`."""
    schema = {"required": list(required)}
    found = display.led(display.rows(args, schema), salience.names(args, schema, salient))
    return [f"{'=' if row.is_headline else '+' if row.leads else ''}{row.key}" for row in found]


def test_what_is_paid_is_the_headline_and_to_whom_stands_below_it() -> None:
    assert shown({"to": "bob", "note": "Hi", "amount": 250}) == ["=amount", "+to", "note"]


def test_where_everything_matters_one_is_still_the_headline() -> None:
    assert shown({"to": "bob", "total": 250}) == ["=total", "+to"]


def test_without_money_the_first_that_matters_is_the_headline() -> None:
    assert shown({"copies": 2, "body": "Hi", "to": "ana"}, required=("to", "body")) == ["=to", "+copies", "body"]


def test_a_price_in_words_is_no_headline_beside_a_recipient() -> None:
    assert shown({"to": "bob", "price": "a lot"}) == ["=to", "+price"]


def test_what_a_card_names_stands_in_its_order() -> None:
    assert shown({"amount": 250, "note": "Hi", "to": "bob"}, "to", "amount") == ["=to", "+amount", "note"]


@pytest.mark.parametrize("args", [{}, {"options": {"keep": 1}}], ids=["nothing", "within"])
def test_what_is_not_on_the_first_level_is_nobody_s_headline(args: dict[str, Any]) -> None:
    assert not [name for name in shown(args, "options.keep") if name.startswith("=")]
