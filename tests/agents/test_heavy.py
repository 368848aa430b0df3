"""What cannot be kept fails with one clear sentence; what is merely a lot works."""

from __future__ import annotations

import pytest
from django.db import connection

from approvals.models import Ticket
from tests.agents.example_graphs import EFFECTS
from tests.agents.heavy_graphs import PAUSES, STEPS, TEN_MEGABYTES
from tests.factories import decide, make_policy

pytestmark = pytest.mark.django_db(transaction=True)


def pending(run):
    return Ticket.objects.filter(thread_id=run.thread_id).pending()


def test_state_that_cannot_be_stored_is_named(start):
    run = start("locked")
    assert run.status == "failed"
    assert run.error.startswith("The graph's state cannot be stored: “handle”")


def test_a_question_that_cannot_be_stored_fails_the_run(start):
    run = start("asks_with_a_lock")
    assert (run.status, Ticket.objects.count()) == ("failed", 0)
    assert "cannot be stored" in run.error


def test_state_that_cannot_be_stored_after_the_approval_leaves_doubt_not_a_second_run(start, resume, alice):
    run = start("answers_with_a_lock")
    ticket = decide(pending(run).get(), alice)
    run = resume(ticket)
    ticket.refresh_from_db()
    assert (run.status, EFFECTS) == ("failed", ["ran"])
    assert "cannot be stored" in run.error
    assert ticket.execution == "unknown"
    resume(ticket)
    assert EFFECTS == ["ran"]


def test_numbers_that_json_cannot_carry_are_one_sentence(start):
    run = start("asks_nan")
    assert (run.status, Ticket.objects.count()) == ("failed", 0)
    assert "canonical" in run.error


def test_ten_megabytes_of_state_are_kept(start, resume, alice):
    run = start("huge")
    run = resume(decide(pending(run).get(), alice))
    assert run.status == "succeeded"
    assert len(run.output["text"]) <= TEN_MEGABYTES


def test_ten_megabytes_cannot_be_put_up_for_review(start):
    run = start("huge_draft")
    assert (run.status, Ticket.objects.count()) == ("failed", 0)
    assert "256 KiB" in run.error


def test_the_part_that_matters_can(start, resume, alice):
    run = start("huge_draft_in_part")
    ticket = decide(pending(run).get(), alice, "edit", args={"title": "Summary"})
    assert resume(ticket).status == "succeeded"
    assert [f"sent Summary, {TEN_MEGABYTES}"] == EFFECTS


def test_a_thread_of_a_thousand_checkpoints_pauses_and_resumes(start, resume, alice):
    run = start("long")
    run = resume(decide(pending(run).get(), alice))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM checkpoints WHERE thread_id = %s", [run.thread_id])
        [checkpoints] = cursor.fetchone()
    assert (run.status, checkpoints >= STEPS) == ("succeeded", True)


def test_fifty_pauses_in_a_row_each_get_their_own_answer(start, resume, alice):
    run = start("fifty")
    make_policy("Free", graph="fifty", gate="auto", risk="low")
    run = resume(decide(pending(run).get(), alice, "respond", message="by hand"))
    assert (run.status, run.output["got"]) == ("succeeded", ["by hand"] + [True] * (PAUSES - 1))
    assert Ticket.objects.filter(thread_id=run.thread_id, delivered_at__isnull=False).count() == PAUSES
