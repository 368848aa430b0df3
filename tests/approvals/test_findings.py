"""What our own code finds beside the arguments: does the schema fit, is a value out of the ordinary, what changed."""

from __future__ import annotations

from typing import Any

import pytest

from approvals import display, findings
from approvals.models import Ticket
from tests import factories
from tests.statements import counted


@pytest.fixture
def payments(cast: dict[str, Any]) -> list[Ticket]:
    """Six orders of the ordinary, all approved."""
    factories.make_policy("Orders", action="order", requirements={"reviewers": 1})
    found = [factories.open_ticket("order", args={"amount": 100 + n, "to": "erin"}) for n in range(6)]
    return [factories.decide(ticket, cast["alice"]) for ticket in found]


def words(ticket: Ticket, reader: Any, *, odd: bool = True) -> list[str]:
    return [finding.words for finding in findings.of(ticket, reader=reader).found if finding.is_odd is odd]


def order(**args: Any) -> Ticket:
    return factories.open_ticket("order", args={"amount": 102, "to": "erin"} | args)


def test_an_amount_many_times_the_usual_one_is_told(payments: list[Ticket], alice: Any) -> None:
    assert words(order(amount=820), alice) == ["Amount: 8 times the middle of the last 6 approved (102.50)."]


def test_a_payee_nobody_approved_before_is_told(payments: list[Ticket], alice: Any) -> None:
    assert words(order(to="mallory"), alice) == ["To: mallory is in none of the last 6 approved."]


def test_the_usual_is_said_to_be_usual(payments: list[Ticket], alice: Any) -> None:
    assert words(order(), alice) == []


def test_a_few_earlier_ones_say_nothing(cast: dict[str, Any], alice: Any) -> None:
    assert "no approval of this kind to compare" in words(factories.open_ticket(), alice, odd=False)[1]


def test_the_difference_to_the_last_approved_one_is_told(payments: list[Ticket], alice: Any) -> None:
    found = findings.of(order(amount=7), reader=alice)
    assert (found.last, [change.path for change in found.changes]) == (payments[-1], ["/amount"])


def test_earlier_ones_are_compared_in_two_statements_without_what_nobody_draws(
    payments: list[Ticket], alice: Any
) -> None:
    ticket = order()
    assert ticket.args
    with counted() as statements:
        found = findings.of(ticket, reader=alice)
        assert {display.ending(earlier) for earlier in found.decided} == {"Approved by alice"}
    earlier = [sql for sql in statements if "approvals_revision" in sql]
    assert len(earlier) == 1 and "args_schema" not in earlier[0], earlier
    assert len([sql for sql in statements if 'FROM "approvals_decision"' in sql]) == 1, statements
    assert len(statements) <= 5, statements  # what the reader may see takes the others


def test_what_the_reader_may_not_see_is_not_compared(payments: list[Ticket], carol: Any) -> None:
    found = findings.of(order(), reader=carol)
    assert (found.last, found.decided) == (None, [])


def test_arguments_that_do_not_fit_their_schema_are_told(cast: dict[str, Any], alice: Any) -> None:
    ticket = factories.open_ticket(args={"amount": -5, "to": "bob"}, args_schema=factories.TRANSFER_SCHEMA)
    assert words(ticket, alice) == ["Does not fit the action’s schema: /amount must be more than 0."]


def test_how_the_last_five_ended_is_shown(payments: list[Ticket], alice: Any) -> None:
    refused = factories.decide(order(), alice, "reject")
    decided = findings.of(order(), reader=alice).decided
    assert (len(decided), decided[0]) == (5, refused)
