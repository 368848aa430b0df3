"""The write path is short: how many statements each step may send. More needs a reason, and a line here."""

from __future__ import annotations

from typing import Any

import pytest

from approvals import edits, intake, tickets
from approvals.contract import NewDecision, Origin
from approvals.decisions import record
from approvals.models import Ticket
from approvals.states import Execution
from tests import factories
from tests.api.programs import Program
from tests.statements import counted

pytestmark = pytest.mark.django_db


def test_a_ticket_opens_in_fifteen_statements_for_who_could_sign_for_cards_and_to_be_found(
    transfers: Any, dave: Any
) -> None:
    origin = Origin(graph="operations", thread_id="t-1", interrupt_id="i-1", requester_id=dave.pk)
    with counted() as statements:
        intake.open_tickets([factories.propose()], origin=origin)
    assert len(statements) <= 15, statements


def test_over_the_api_a_ticket_opens_in_seventeen_statements_and_is_decided_in_twelve(dave: Any, alice: Any) -> None:
    factories.make_policy("Mail", action="transfer_money", requirements={"reviewers": 1})
    agent, reviewer = Program(dave, "request"), Program(alice, "decide")
    agent.ask("k-1")
    with counted() as opening:
        ticket = agent.ask("k-2").json()
    with counted() as deciding:
        said = {"type": "approve", "digest": ticket["digest"]}
        assert reviewer.post(f"tickets/{ticket['id']}/decisions", said).json()["state"] == "approved"
    assert len(opening) <= 17, opening
    assert len(deciding) <= 13, deciding  # the first with this token in its minute also notes when it was used


def test_a_decision_that_releases_takes_nine_statements(cast: Any, alice: Any) -> None:
    ticket = factories.open_ticket("unknown_action")
    with counted() as statements:
        record(ticket.pk, reviewer=alice, decision=NewDecision(type="approve", digest=ticket.digest))
    assert len(statements) <= 9, statements


def test_a_decision_by_page_takes_fourteen_statements_and_as_many_to_draw_how_the_ticket_stands(
    client: Any, cast: Any, alice: Any
) -> None:
    ticket = factories.open_ticket("unknown_action")
    client.force_login(alice)
    with counted() as statements:
        said = {"type": "approve", "digest": ticket.digest}
        assert client.post(f"/tickets/{ticket.pk}/decisions/", said, headers={"HX-Request": "true"}).status_code == 200
    locked = next(place for place, sql in enumerate(statements) if "FOR UPDATE" in sql)
    assert (locked, len(statements)) <= (6, 28), statements


def test_the_signatures_are_read_once_while_the_ticket_is_locked(cast: Any, alice: Any, bob: Any) -> None:
    factories.make_policy("Two", action="order", in_sequence=True, requirements={"reviewers": 2})
    ticket = factories.open_ticket("order")
    factories.decide(ticket, alice)
    with counted() as statements:
        record(ticket.pk, reviewer=bob, decision=NewDecision(type="approve", digest=ticket.digest))
    read = [sql for sql in statements if sql.startswith("SELECT") and 'FROM "approvals_decision"' in sql]
    assert len(read) <= 2, read  # once more before it is known that the revision stays


def test_the_arguments_that_an_edit_is_held_against_are_fetched_once(cast: Any, alice: Any) -> None:
    ticket = factories.open_ticket("unknown_action", args={"to": "ana", "sum": 1})
    with counted() as statements:
        edits.review(Ticket.objects.get(pk=ticket.pk), {"to": "bob", "sum": 2}, editor=alice)
    fetched = [sql for sql in statements if 'FROM "approvals_revision"' in sql]
    assert len(fetched) == 1, fetched


def test_an_answer_is_claimed_in_six_statements_two_of_which_count_the_signatures_again(cast: Any, alice: Any) -> None:
    ticket = factories.decide(factories.open_ticket("unknown_action"), alice)
    with counted() as statements:
        assert factories.claim(ticket)
    assert len(statements) <= 6, statements


def test_an_outcome_is_written_down_in_four_statements(cast: Any, alice: Any) -> None:
    ticket = factories.decide(factories.open_ticket("unknown_action"), alice)
    factories.claim(ticket)
    with counted() as statements:
        tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED, result="done")
    assert len(statements) <= 4, statements
