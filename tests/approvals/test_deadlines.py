"""Time runs out by the database's clock."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from approvals import deadlines, tasks, tickets
from approvals.models import Ticket
from approvals.states import Execution
from tests.factories import claim, decide, make_policy, open_ticket, overdue

pytestmark = pytest.mark.django_db


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
    assert claim(ticket)
    assert not claim(ticket)


def test_an_open_ticket_is_not_delivered():
    assert not claim(open_ticket())


def test_the_first_final_word_about_the_execution_stands(alice):
    ticket = decide(open_ticket(), alice)
    claim(ticket)
    tickets.record_execution(ticket.pk, execution=Execution.SUCCEEDED, result="paid")
    tickets.record_execution(ticket.pk, execution=Execution.UNKNOWN)
    ticket.refresh_from_db()
    assert (ticket.execution, ticket.result) == ("succeeded", "paid")


def test_a_deadline_kept_in_time_is_not_called_late():
    ticket = overdue(open_ticket(), 8)
    deadlines.expire(ticket.pk)
    assert not ticket.audit_entries.filter(type="deadline.missed").exists()


def test_a_deadline_that_no_worker_kept_is_marked_late():
    ticket = overdue(open_ticket(), 86_400)
    deadlines.expire(ticket.pk)
    facts = json.loads(bytes(ticket.audit_entries.get(type="deadline.missed").body))["facts"]
    assert 86_400 <= facts["late_seconds"] < 86_410


def test_a_job_keeps_the_deadlines_before_its_own_first():
    later, late = overdue(open_ticket(), 10), overdue(open_ticket(), 20)
    tasks.expire(later.pk)
    order = list(Ticket.objects.filter(state="expired").order_by("resolved_at").values_list("pk", flat=True))
    assert order == [late.pk, later.pk]


def test_one_ticket_that_cannot_expire_does_not_keep_the_others_waiting():
    broken, sound = overdue(open_ticket(), 20), overdue(open_ticket(), 10)
    Ticket.objects.filter(pk=broken.pk).update(on_timeout="escalate", policy={"steps": [{"group": "nobody"}]})
    assert deadlines.expire_overdue() == 1
    assert Ticket.objects.get(pk=sound.pk).state == "expired"


def low_risk(**fields):
    make_policy("Low", risk="low", requirements={"reviewers": 1}, deny_threshold=2, **fields)


def test_nobody_s_objection_lets_a_low_risk_run_where_its_policy_says_so():
    low_risk(on_timeout="approve")
    ticket = overdue(open_ticket())
    deadlines.expire(ticket.pk)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.outcome) == ("approved", "unopposed")
    assert tickets.answer_of(ticket).type == "approve"
    assert tickets.answer_of(ticket).timed_out


def test_one_rejection_keeps_the_clock_from_approving(cast):
    low_risk(on_timeout="approve")
    ticket = decide(open_ticket(), cast["alice"], "reject", message="not now")
    deadlines.expire(overdue(ticket).pk)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.message) == ("expired", f"{deadlines.TIMED_OUT} Somebody has rejected it.")


def test_an_edit_that_raised_the_risk_keeps_the_clock_from_approving(cast):
    low_risk(on_timeout="approve")
    ticket = overdue(open_ticket())
    Ticket.objects.filter(pk=ticket.pk).update(risk="high")
    deadlines.expire(ticket.pk)
    assert Ticket.objects.get(pk=ticket.pk).outcome == "timed_out"


def asked(**fields):
    make_policy("Questions", action="ask", requirements={"reviewers": 1}, on_timeout="answer")
    return overdue(open_ticket("ask", args={"question": "Which Paris?"}, answer_releases=True, **fields))


def test_the_agent_s_best_guess_is_its_answer_at_the_deadline():
    ticket = asked(best_guess="Paris, France")
    deadlines.expire(ticket.pk)
    ticket.refresh_from_db()
    answer = tickets.answer_of(ticket)
    assert (ticket.state, ticket.outcome) == ("answered", "best_guess")
    assert (answer.type, answer.message, answer.timed_out) == ("respond", "Paris, France", True)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "The agent gave no best guess."),
        ({"best_guess": "x", "allowed_decisions": ("approve", "reject")}, "takes no answer in words"),
        ({"best_guess": "x", "answer_schema": {"type": "integer"}}, "is not an answer its own question takes"),
        ({"best_guess": 1, "answer_schema": {"type": 7}}, "is not an answer its own question takes"),
        ({"best_guess": "x" * 4_001}, "is not an answer its own question takes"),
        (
            {"best_guess": "a" * 40 + "!", "answer_schema": {"type": "string", "pattern": "^(a+)+$"}},
            "is not an answer its own question takes",
        ),
    ],
)
def test_without_a_best_guess_that_fits_a_question_times_out(fields, why):
    ticket = asked(**fields)
    deadlines.expire(ticket.pk)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.outcome) == ("expired", "timed_out")
    assert why in ticket.message
