"""What a graph is told when a clock decided and no person."""

from __future__ import annotations

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from agents import sweeps
from agents.protocols import response_schema, words
from agents.protocols.pause import Pause
from approvals import deadlines
from approvals.contract import Answer
from approvals.models import Ticket
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide, make_policy, overdue

GUESS = Answer(type="respond", message="3", timed_out=True)


def expired(resume):
    ticket = overdue(Ticket.objects.get())
    deadlines.expire(ticket.pk)
    return resume(ticket)


@pytest.mark.django_db(transaction=True)
class TestRuns:
    def test_a_question_gets_the_best_guess_in_its_own_shape(self, start, resume):
        make_policy("Questions", graph="shaped", requirements={"reviewers": 1}, on_timeout="answer")
        start("shaped")
        run = expired(resume)
        assert (run.status, run.output["got"]) == ("succeeded", 3)
        assert Ticket.objects.get().outcome == "best_guess"

    def test_clarify_is_told_that_its_guess_is_a_guess(self, start, resume):
        make_policy("Free", position=1, action="search", gate="auto", risk="low")
        make_policy("Questions", action="clarify", requirements={"reviewers": 1}, on_timeout="answer")
        start("clarify", {"messages": [{"role": "user", "content": "the usual"}]})
        ticket = overdue(Ticket.objects.get())
        deadlines.expire(ticket.pk)
        run = resume(ticket)
        told = [turn["content"] for turn in run.transcript if turn["role"] == "tool"]
        assert told[0] == "Nobody answered in time, so this is your own best guess: search the usual"

    def test_what_nobody_stopped_runs_once(self, start, resume):
        make_policy("Low", graph="approve_or_reject", risk="low", requirements={"reviewers": 1}, on_timeout="approve")
        start("approve_or_reject")
        expired(resume)
        resume(Ticket.objects.get())
        assert EFFECTS == ["proceeded"]

    def test_a_deadline_whose_job_was_lost_is_kept_by_the_sweep(self, start, run_together):
        start("approve_or_reject")
        ProcrastinateJob.objects.all()._raw_delete("default")
        ticket = overdue(Ticket.objects.get())
        run_together(sweeps.keep_deadlines())
        ticket.refresh_from_db()
        assert ticket.outcome == "timed_out"

    def test_an_escalated_ticket_resumes_its_graph(self, start, resume, frank):
        make_policy("Chain", graph="approve_or_reject", requirements={"reviewers": 1}, steps=[("security", 1, 3600)])
        start("approve_or_reject")
        ticket = overdue(Ticket.objects.get())
        deadlines.expire(ticket.pk)
        assert EFFECTS == []
        resume(decide(ticket, frank))
        assert EFFECTS == ["proceeded"]


def test_a_guess_in_words_says_that_it_is_one():
    assert words.reply(GUESS) == f"{words.GUESSED} 3"
    assert words.reply(Answer(type="respond", message="3")) == "3"


def test_a_guess_is_marked_where_its_shape_has_a_place_for_that():
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "timed_out": {"type": "boolean"}}}
    pause = Pause(interrupt_id="1", node="ask", response_schema=schema)
    guess = Answer(type="respond", message='{"city": "Paris"}', timed_out=True)
    assert response_schema.resume_value(pause, [guess]) == {"city": "Paris", "timed_out": True}


def test_a_clock_s_approval_is_not_told_as_a_timeout():
    entry = {"approve": "yes", "reject": "no", "timeout": "nobody"}
    assert words.key(entry, Answer(type="approve", timed_out=True)) == "approve"
    assert words.key(entry, Answer(type="reject", timed_out=True)) == "timeout"
