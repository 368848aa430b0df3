"""An approval is held for its window and can be taken back until a worker has claimed it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction

from approvals import audit, deadlines, tickets
from approvals.contract import NewDecision
from approvals.decisions import record
from approvals.errors import NotAnApprover, OwnRequest, TicketClosed, TooLate
from approvals.models import Decision, Ticket
from approvals.states import Channel
from tests.factories import claim, decide, make_policy, open_ticket, overdue, unguarded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]


def click(ticket, reviewer, **fields):
    decision = NewDecision(type="approve", digest=ticket.digest, **fields)
    return record(ticket.pk, reviewer=reviewer, decision=decision, via=Channel.BROWSER)


def window(ticket):
    return ticket.release_at - ticket.resolved_at


def scheduled():
    with connection.cursor() as cursor:
        cursor.execute("SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'agents.resume' ORDER BY id")
        return [at for (at,) in cursor.fetchall()]


def over(ticket):
    """Let the window of the approval be over."""
    with unguarded():
        Ticket.objects.filter(pk=ticket.pk).update(release_at=ticket.resolved_at)


@pytest.mark.parametrize(("risk", "seconds"), [("low", 0), ("medium", 5), ("high", 10), ("critical", 20)])
def test_a_click_is_held_by_its_risk_and_a_call_is_not(alice, risk, seconds):
    make_policy(risk=risk, requirements={"reviewers": 1})
    assert window(click(open_ticket(), alice)) == timedelta(seconds=seconds)
    assert window(decide(open_ticket(), alice)) == timedelta(0)


@pytest.mark.parametrize("seconds", [0, 60])
def test_what_the_policy_says_holds_for_every_channel(alice, seconds):
    make_policy(risk="high", recall_seconds=seconds, requirements={"reviewers": 1})
    assert window(click(open_ticket(), alice)) == window(decide(open_ticket(), alice)) == timedelta(seconds=seconds)


def test_the_deadline_ends_the_window(alice):
    make_policy(recall_seconds=3600, deadline_seconds=60, requirements={"reviewers": 1})
    ticket = click(open_ticket(), alice)
    assert ticket.release_at == ticket.deadline_at


def test_a_rejection_is_told_at_once(alice):
    make_policy(recall_seconds=60, requirements={"reviewers": 1})
    assert window(decide(open_ticket(), alice, "reject")) == timedelta(0)


def test_what_nobody_approved_is_not_held(alice):
    make_policy(gate="soft", on_timeout="approve", recall_seconds=60, requirements={"reviewers": 1})
    ticket = overdue(open_ticket())
    deadlines.expire(ticket.pk)
    ticket.refresh_from_db()
    assert window(ticket) == timedelta(0)
    with pytest.raises(TooLate, match="No person approved"):
        tickets.recall(ticket.pk, actor=alice)


def test_the_worker_is_asked_for_the_end_of_the_window(alice):
    make_policy(risk="medium", requirements={"reviewers": 1})
    ticket = click(open_ticket(), alice)
    assert scheduled() == [ticket.release_at]
    assert not claim(ticket)
    over(ticket)
    assert claim(ticket)


def test_a_recalled_approval_waits_again_and_nothing_is_told(transfers, alice, carol):
    ticket = open_ticket()
    decide(ticket, alice)
    click(ticket, carol)
    recalled = tickets.recall(ticket.pk, actor=carol)
    over(ticket)
    assert (recalled.state, recalled.outcome, recalled.release_at) == ("pending", "", None)
    assert not claim(ticket)


def test_a_recall_takes_back_the_recaller_s_own_signature(transfers, alice, carol):
    ticket = open_ticket()
    decide(ticket, alice)
    decide(ticket, carol)
    tickets.recall(ticket.pk, actor=carol)
    assert [vote.reviewer for vote in ticket.decisions.standing(1)] == [alice]
    assert decide(ticket, carol).state == "approved"


def test_where_the_others_still_suffice_all_sign_again(alice, bob, carol):
    make_policy(requirements={"reviewers": 1, "finance": 1})
    ticket = open_ticket()
    for person in (alice, bob, carol):
        decide(ticket, person)
    tickets.recall(ticket.pk, actor=alice)
    assert not ticket.decisions.standing(1).exists()


def test_a_colleague_who_had_not_signed_stops_it_for_all(transfers, alice, bob, carol):
    ticket = open_ticket()
    decide(ticket, alice)
    decide(ticket, carol)
    tickets.recall(ticket.pk, actor=bob)
    assert decide(ticket, bob).state == "pending"
    assert decide(ticket, carol).state == "approved"


def test_a_recall_is_in_the_ticket_s_chain(transfers, alice, carol):
    ticket = open_ticket()
    decide(ticket, alice)
    decide(ticket, carol)
    tickets.recall(ticket.pk, actor=carol)
    entry = ticket.audit_entries.get(type="ticket.recalled")
    assert entry.actor == carol and b'"withdrawn":["carol"]' in bytes(entry.body)
    assert audit.verify_stream(f"ticket/{ticket.pk}") is None


def test_once_claimed_it_is_too_late(alice):
    make_policy(requirements={"reviewers": 1})
    ticket = decide(open_ticket(), alice)
    assert claim(ticket)
    with pytest.raises(TooLate, match="told already"):
        tickets.recall(ticket.pk, actor=alice)


def test_a_remote_agent_s_approval_is_out_of_reach_after_its_window(alice):
    make_policy(recall_seconds=60, requirements={"reviewers": 1})
    held, told = (decide(open_ticket(interrupt_id=""), alice) for _ in range(2))
    over(told)
    assert tickets.recall(held.pk, actor=alice).state == "pending"
    with pytest.raises(TooLate):
        tickets.recall(told.pk, actor=alice)


@pytest.mark.parametrize("state", ["pending", "rejected"])
def test_where_there_is_no_approval_there_is_nothing_to_recall(alice, state):
    make_policy(requirements={"reviewers": 1})
    ticket = open_ticket()
    if state == "rejected":
        decide(ticket, alice, "reject")
    with pytest.raises(TicketClosed, match="no approval"):
        tickets.recall(ticket.pk, actor=alice)


@pytest.mark.parametrize(("who", "error"), [("frank", NotAnApprover), ("dave", OwnRequest), ("admin", NotAnApprover)])
def test_who_may_not_sign_may_not_recall(cast, alice, dave, who, error):
    make_policy(requirements={"reviewers": 1})
    ticket = decide(open_ticket(requester=dave), alice)
    with pytest.raises(error):
        tickets.recall(ticket.pk, actor=cast[who])


def test_a_signer_who_left_the_group_may_still_recall(alice):
    make_policy(requirements={"reviewers": 1})
    ticket = decide(open_ticket(), alice)
    alice.groups.clear()
    assert tickets.recall(ticket.pk, actor=alice).state == "pending"


def test_after_a_recall_the_clock_approves_nothing(alice):
    make_policy(gate="soft", on_timeout="approve", requirements={"reviewers": 1})
    ticket = decide(open_ticket(), alice)
    tickets.recall(ticket.pk, actor=alice)
    deadlines.expire(overdue(ticket).pk)
    ticket.refresh_from_db()
    assert ticket.outcome == "timed_out"


@pytest.mark.parametrize(
    "change", ["message = 'other'", "withdrawn_at = NULL", "withdrawn_at = now(), type = 'reject'", "reviewer_id = 1"]
)
def test_the_database_lets_a_decision_be_withdrawn_and_nothing_else(alice, change):
    make_policy(requirements={"reviewers": 1})
    decide(open_ticket(), alice)
    with pytest.raises((InternalError, ProgrammingError), match="written once"), transaction.atomic():
        connection.cursor().execute(f"UPDATE approvals_decision SET {change}")
    audit.append("ticket.recalled", ticket=tickets.lock(Ticket.objects.get().pk)[0])
    assert Decision.objects.update(withdrawn_at=Ticket.objects.get().opened_at) == 1
    with pytest.raises((InternalError, ProgrammingError), match="written once"), transaction.atomic():
        Decision.objects.update(withdrawn_at=None)


def test_the_database_keeps_a_decision_that_was_delivered(alice):
    make_policy(requirements={"reviewers": 1})
    ticket = decide(open_ticket(), alice)
    claim(ticket)
    with pytest.raises((InternalError, ProgrammingError), match="written once"), transaction.atomic():
        Decision.objects.update(withdrawn_at=ticket.opened_at)
