"""The table of moves, in the code and in the database."""

from __future__ import annotations

import itertools

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from approvals.models import AuditEntry, Decision, Revision, Ticket
from approvals.states import OUTCOMES, TicketState, may_move
from tests.factories import claim, decide, force, open_ticket

pytestmark = pytest.mark.django_db
PAIRS = list(itertools.permutations(TicketState, 2))


def put(ticket, state, **fields):
    """Write a state past the code, as only the database can refuse it."""
    fields = {"outcome": min(OUTCOMES[state], default=""), "resolved_at": None, "release_at": None, **fields}
    if state is not TicketState.PENDING:
        fields["resolved_at"] = timezone.now()
    return force([ticket], state=state, **fields)


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=[f"{a.value}-{b.value}" for a, b in PAIRS])
def test_the_database_allows_exactly_the_moves_of_the_table(before, after):
    ticket = open_ticket()
    if before is not TicketState.PENDING:
        put(ticket, before)
    if may_move(before, after):
        assert put(ticket, after) == 1
    else:
        with pytest.raises(IntegrityError):
            put(ticket, after)


def test_a_resolved_ticket_needs_an_outcome_of_its_state():
    with pytest.raises(IntegrityError):
        put(open_ticket(), TicketState.APPROVED, outcome="rejected")


def test_an_unknown_state_is_refused():
    with pytest.raises(IntegrityError):
        Ticket.objects.filter(pk=open_ticket().pk).update(state="lost")


@pytest.mark.parametrize("model", [AuditEntry, Revision, Decision])
@pytest.mark.parametrize("change", ["update", "delete"])
def test_what_is_written_once_cannot_be_changed(model, change, alice):
    decide(open_ticket(), alice)
    rows = model.objects.all()
    with pytest.raises(ProgrammingError, match="written once"), transaction.atomic():
        rows._raw_delete("default") if change == "delete" else rows.update(id=0)


def test_a_delivered_ticket_keeps_its_state(alice):

    ticket = decide(open_ticket(), alice)
    assert claim(ticket)
    with pytest.raises(IntegrityError):
        put(ticket, TicketState.PENDING)
