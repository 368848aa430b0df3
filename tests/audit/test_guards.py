"""What the database refuses, whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from approvals import audit, tickets
from approvals.audit import sealing
from approvals.states import TicketState
from tests import factories

pytestmark = pytest.mark.django_db

STREAM = "system/drill"


@pytest.mark.parametrize("table", ["auditentry", "payload", "leaf", "seal"])
@pytest.mark.parametrize("order", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_database_refuses_changes_to_the_record(table: str, order: str) -> None:
    column = {"auditentry": "type", "payload": "salt", "leaf": "number", "seal": "note"}[table]
    with transaction.atomic():
        audit.append("drill", stream=STREAM, message="Hello")
    sealing.seal()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(order.format(f"approvals_{table}", column, column))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is asked at the commit is asked here


CHANGES = [
    "UPDATE approvals_ticket SET state = 'cancelled', outcome = 'cancelled', resolved_at = now()",
    "UPDATE approvals_ticket SET execution = 'succeeded'",
    "UPDATE approvals_ticket SET digest = repeat('0', 64)",
    "INSERT INTO approvals_revision (ticket_id, number, args, digest, created_at)"
    " SELECT id, 2, '{}', digest, now() FROM approvals_ticket",
    "INSERT INTO approvals_decision (ticket_id, revision, reviewer_id, type, message, digest, at)"
    " SELECT ticket.id, 1, person.id, 'approve', '', digest, now() FROM approvals_ticket AS ticket, auth_user AS person"
    " WHERE person.username = 'alice'",
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_happens_to_a_ticket_without_its_entry(change: str, cast: Any) -> None:
    ticket = factories.open_ticket("unknown_action")
    with pytest.raises(DatabaseError, match="record"), connection.cursor() as cursor:
        cursor.execute(change)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.execution, ticket.revisions.count(), ticket.decisions.count()) == (
        "pending",
        "not_started",
        1,
        0,
    )


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_shows_the_ticket_as_it_was_is_not_enough(cast: Any) -> None:
    ticket = factories.open_ticket("unknown_action")
    with pytest.raises(IntegrityError, match="an entry in the record that shows it"), transaction.atomic():
        held, now = tickets.lock(ticket.pk)
        audit.append("drill", ticket=held)
        tickets._move(held, TicketState.CANCELLED, outcome="cancelled", resolved_at=now)
