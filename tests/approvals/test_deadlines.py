"""Time runs out by the database's clock."""

from __future__ import annotations

import pytest
from django.db import connection

from approvals import deadlines, tasks, tickets
from approvals.models import Ticket
from approvals.states import Execution
from tests.factories import decide, open_ticket

pytestmark = pytest.mark.django_db


def overdue(ticket, seconds=1):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_ticket SET deadline_at = clock_timestamp() - make_interval(secs => %s) WHERE id = %s",
            [seconds, ticket.pk],
        )
    return ticket


def test_an_overdue_ticket_expires():
    ticket = overdue(open_ticket())
    assert deadlines.expire(ticket.pk)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.outcome) == ("expired", "timed_out")


def test_a_timeout_is_never_told_as_a_person_s_rejection():
    ticket = overdue(open_ticket())
    deadlines.expire(ticket.pk)
    answer = tickets.answer_of(Ticket.objects.get(pk=ticket.pk))
    assert answer.timed_out
    assert "No person rejected it" in answer.message


def test_a_ticket_in_time_stays_open():
    assert not deadlines.expire(open_ticket().pk)


def test_expiring_twice_is_harmless():
    ticket = overdue(open_ticket())
    tasks.expire(ticket.pk)
    tasks.expire(ticket.pk)
    assert ticket.audit_entries.filter(type="ticket.expired").count() == 1


def test_a_decided_ticket_does_not_expire(alice):
    ticket = decide(open_ticket(), alice)
    assert not deadlines.expire(overdue(ticket).pk)


def test_the_sweep_finds_everything_overdue_oldest_first():
    late, later, fine = overdue(open_ticket(), 10), overdue(open_ticket(), 20), open_ticket()
    assert deadlines.expire_overdue() == 2
    ids = list(Ticket.objects.filter(state="expired").order_by("resolved_at").values_list("pk", flat=True))
    assert ids == [later.pk, late.pk]
    assert Ticket.objects.get(pk=fine.pk).is_open


def test_a_deadline_leaves_a_job_for_itself():
    ticket = open_ticket()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'approvals.expire'"
            " AND (args->>'ticket_id')::bigint = %s",
            [ticket.pk],
        )
        assert cursor.fetchone()[0] == ticket.deadline_at


def test_an_answer_is_delivered_once(alice):
    ticket = decide(open_ticket(), alice)
    assert tickets.mark_delivered(ticket.pk)
    assert not tickets.mark_delivered(ticket.pk)


def test_an_open_ticket_is_not_delivered():
    assert not tickets.mark_delivered(open_ticket().pk)


def test_the_first_final_word_about_the_execution_stands(alice):
    ticket = decide(open_ticket(), alice)
    tickets.mark_delivered(ticket.pk)
    tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED, result="paid")
    tickets.record_execution(ticket.pk, execution=Execution.UNKNOWN)
    ticket.refresh_from_db()
    assert (ticket.execution, ticket.result) == ("succeeded", "paid")
