"""What people may ask of a run, who may, and what becomes of it."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models.functions import Now

from agents import jobs, runner, wishes
from agents.errors import AnswerWaits, InDoubt, NotYours, RunCancelled, UnknownThread, WrongStatus
from agents.models import Run
from approvals.errors import TicketClosed
from approvals.models import AuditEntry, Ticket
from tests.agents import broken_graphs
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide, force

pytestmark = pytest.mark.django_db(transaction=True)


def only(**facts):
    return Ticket.objects.get(**facts)


@pytest.fixture
def drive():
    """Do what a run's row asks for, as a worker would; returns the run."""

    def drive(run):
        runner.drive_sync(run.thread_id)
        return Run.objects.get(pk=run.pk)

    return drive


def together(*calls):
    """Run every call in a thread of its own; what one raises is its result."""
    results = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(n, call):
        try:
            start.wait(10)
            results[n] = call()
        except Exception as error:
            results[n] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


class TestCancel:
    def test_a_paused_run_is_cancelled_at_once(self, start, dave):
        run = wishes.request_cancel(start("two_questions").thread_id, actor=dave)
        assert (run.status, run.error) == ("cancelled", "Cancelled by dave.")
        assert (only().state, only().message) == ("cancelled", "The run is over: Cancelled by dave.")

    def test_the_record_says_who(self, start, dave):
        wishes.request_cancel(start("two_questions").thread_id, actor=dave)
        entry = AuditEntry.objects.get(type="run.cancelled")
        assert (entry.actor, AuditEntry.objects.get(type="ticket.cancelled").actor) == (dave, dave)

    def test_a_cancelled_run_never_goes_on(self, start, resume, drive, alice, dave):
        run = start("two_questions")
        ticket = decide(only(), alice)
        wishes.request_cancel(run.thread_id, actor=dave)
        resume(ticket)
        assert drive(run).status == "cancelled"
        with pytest.raises(RunCancelled):
            start("two_questions", thread_id=run.thread_id)
        assert EFFECTS == []

    def test_a_queued_run_is_cancelled_before_it_begins(self, runtime, project, drive, admin):
        from agents import runs

        run = runs.register(
            "queued", graph="works_then_asks", value={"asked": "x"}, requester_id=None, model="scripted"
        )
        jobs.enqueue("queued")
        wishes.request_cancel("queued", actor=admin)
        assert drive(run).status == "cancelled"
        assert EFFECTS == []

    def test_a_running_graph_stops_after_the_step_it_is_in(self, start, resume, alice, dave):
        broken_graphs.ENTERED.clear()
        broken_graphs.GO.clear()
        run = start("gated")
        ticket = decide(only(), alice)

        def cancel():
            assert broken_graphs.ENTERED.wait(20)
            wishes.request_cancel(run.thread_id, actor=dave)
            assert Run.objects.get().status == "running"
            broken_graphs.GO.set()

        assert not [r for r in together(lambda: resume(ticket), cancel) if isinstance(r, Exception)]
        run.refresh_from_db()
        assert EFFECTS == ["acted"]  # and its step was saved, so nobody needs to wonder
        assert (run.status, run.wish, only().execution) == ("cancelled", "", "succeeded")

    def test_what_a_tool_had_answered_by_then_is_kept(self, start, resume, alice, dave):
        run = start("calls", {"messages": [{"role": "user", "content": "pay"}]})
        for ticket in Ticket.objects.order_by("id"):
            decide(ticket, alice)
        Run.objects.filter(pk=run.pk).update(wish="cancel", wished_by=dave)
        run = resume(Ticket.objects.latest("id"))
        assert run.status == "cancelled"
        assert EFFECTS == []

    def test_the_run_of_a_dead_worker_is_cancelled_without_its_graph(self, start, dave):
        run = start("two_questions")
        Run.objects.update(status="running", lease_expires_at="2020-01-01T00:00Z", graph="nobody_knows")
        assert wishes.request_cancel(run.thread_id, actor=dave).status == "cancelled"

    @pytest.mark.parametrize("turn", range(5))
    def test_either_the_decision_or_the_cancellation_comes_first(self, start, resume, alice, dave, turn):
        run = start("two_questions")
        ticket = only()
        decided, cancelled = together(
            lambda: decide(ticket, alice), lambda: wishes.request_cancel(run.thread_id, actor=dave)
        )
        ticket.refresh_from_db()
        assert not isinstance(cancelled, Exception)
        assert isinstance(decided, Ticket | TicketClosed)
        assert (ticket.state, Run.objects.get().status) == ("cancelled", "cancelled")
        assert EFFECTS == []

    @pytest.mark.parametrize("turn", range(5))
    def test_either_the_delivery_or_the_cancellation_comes_first(self, start, resume, alice, dave, turn):
        run = start("two_questions")
        ticket = decide(only(), alice)
        results = together(lambda: resume(ticket), lambda: wishes.request_cancel(run.thread_id, actor=dave))
        ticket.refresh_from_db()
        run.refresh_from_db()
        ran = ticket.delivered_at is not None
        assert (["paid True"] if ran else []) == EFFECTS
        assert ticket.state == ("approved" if ran else "cancelled"), results
        assert run.status == "cancelled"
        assert not Ticket.objects.pending().exists()

    def test_what_is_over_cannot_be_cancelled(self, start, dave):
        run = start("raises_nul")
        with pytest.raises(WrongStatus, match="is failed"):
            wishes.request_cancel(run.thread_id, actor=dave)


class TestWhoMay:
    WAYS = (wishes.request_cancel, wishes.request_retry, wishes.request_repair)

    @pytest.mark.parametrize("ask", WAYS)
    def test_somebody_else_may_not(self, start, alice, ask):
        run = start("two_questions")
        with pytest.raises(NotYours):
            ask(run.thread_id, actor=alice)
        assert Run.objects.get().status == "paused"

    def test_the_predicates_agree(self, start, alice, dave, admin):
        run = start("two_questions")
        assert [wishes.may_cancel(u, run) for u in (dave, admin, alice, AnonymousUser())] == [True, True, False, False]
        assert [wishes.may_retry(u, run) for u in (dave, admin)] == [False, False]
        assert wishes.may_repair(dave, run)

    def test_who_was_switched_off_may_nothing(self, start, dave, admin):
        run = start("two_questions")
        dave.is_active = admin.is_active = False
        assert not wishes.may_cancel(dave, run)
        assert not wishes.may_cancel(admin, run)

    def test_a_run_of_nobody_belongs_to_no_stranger(self, runtime, project, dave):
        run = Run.objects.create(thread_id="t", graph="two_questions")
        assert not wishes.may_cancel(dave, run)

    @pytest.mark.parametrize("ask", WAYS)
    def test_an_unknown_thread_is_named(self, db, admin, ask):
        with pytest.raises(UnknownThread):
            ask("nowhere", actor=admin)


class TestRepair:
    def bricked(self, start, resume, alice, graph="fussy"):
        """A run whose graph was given an answer that it cannot use, and replays for ever."""
        run = start(graph)
        resume(decide(Ticket.objects.latest("id"), alice, "reject"))
        assert Run.objects.get(pk=run.pk).status == "failed"
        return Run.objects.get(pk=run.pk)

    def asked_again(self, run):
        return Ticket.objects.pending().get(thread_id=run.thread_id)

    def test_the_question_is_asked_again_under_a_new_id(self, start, resume, drive, alice, dave):
        run = self.bricked(start, resume, alice)
        wishes.request_repair(run.thread_id, actor=dave)
        assert drive(run).status == "paused"
        old = Ticket.objects.earliest("id")
        assert (old.state, old.message) == (
            "superseded",
            "The graph could not use this answer, so the question is asked again.",
        )
        assert self.asked_again(run).interrupt_id != old.interrupt_id

    def test_and_can_be_answered(self, start, resume, drive, alice, dave):
        run = self.bricked(start, resume, alice)
        wishes.request_repair(run.thread_id, actor=dave)
        drive(run)
        run = resume(decide(self.asked_again(run), alice, "respond", message='{"n": 7}'))
        assert (run.status, EFFECTS) == ("succeeded", ["paid 7"])

    def test_a_retry_would_only_replay_the_answer(self, start, resume, drive, alice, dave):
        run = self.bricked(start, resume, alice)
        wishes.request_retry(run.thread_id, actor=dave)
        assert drive(run).status == "failed"

    def test_a_subgraph_does_not_start_anew(self, start, resume, drive, alice, dave):
        run = self.bricked(start, resume, alice, "fussy_team")
        wishes.request_repair(run.thread_id, actor=dave)
        drive(run)
        run = resume(decide(self.asked_again(run), alice, "respond", message='{"n": 7}'))
        assert (run.status, EFFECTS) == ("succeeded", ["looked", "paid 7"])

    def test_a_sibling_that_had_finished_does_not_run_twice(self, start, resume, drive, alice, dave):
        run = start("fussy_pair")
        first, second = Ticket.objects.order_by("id")
        resume(decide(first, alice, "respond", message='{"n": 1}'))
        resume(decide(second, alice, "reject"))
        wishes.request_repair(run.thread_id, actor=dave)
        drive(run)
        run = resume(decide(self.asked_again(run), alice, "respond", message='{"n": 2}'))
        assert (run.status, EFFECTS) == ("succeeded", ["paid 1", "paid 2"])

    def test_a_paused_run_may_be_asked_again_too(self, start, drive, dave):
        run = start("two_questions")
        wishes.request_repair(run.thread_id, actor=dave)
        assert drive(run).status == "paused"
        assert [t.state for t in Ticket.objects.order_by("id")] == ["superseded", "pending"]

    def test_a_no_that_was_not_told_is_not_wiped_out(self, start, alice, dave):
        run = start("batched")
        pay, _ = Ticket.objects.order_by("position")
        decide(pay, alice, "reject", message="never")
        with pytest.raises(AnswerWaits, match=f"ticket {pay.pk}"):
            wishes.request_repair(run.thread_id, actor=dave)
        assert not wishes.may_repair(dave, run)

    def test_a_no_that_came_after_the_wish_is_told_instead(self, start, drive, alice, dave):
        run = start("two_questions")
        wishes.request_repair(run.thread_id, actor=dave)
        decide(only(), alice, "reject", message="never")
        assert drive(run).status == "paused"
        assert EFFECTS == ["paid False"]

    def test_who_is_asked_anew_sees_who_said_no(self, start, resume, drive, alice, dave):
        run = self.bricked(start, resume, alice)
        wishes.request_repair(run.thread_id, actor=dave)
        drive(run)
        again = self.asked_again(run)
        assert (again.follows, again.request_number) == (Ticket.objects.earliest("id"), 1)

    def test_what_may_have_happened_is_not_asked_again(self, start, resume, alice, dave):
        run = start("times_out")
        resume(decide(only(), alice))
        with pytest.raises(InDoubt):
            wishes.request_repair(run.thread_id, actor=dave)


class TestNewInput:
    def test_every_call_of_the_model_is_answered_once(self, start, dave):
        said = {
            "messages": [
                {"role": "user", "content": "transfer 250 to bob, then email bob@example.com subject Hi body x"}
            ]
        }
        run = start("operations", said)
        old = Ticket.objects.pending().get()
        run = start("operations", {"messages": [{"role": "user", "content": "search notes"}]}, thread_id=run.thread_id)
        old.refresh_from_db()
        assert old.state == "superseded"
        calls = [call["id"] for line in run.transcript for call in line["tool_calls"]]
        answers = [line["tool_call_id"] for line in run.transcript if line["role"] == "tool"]
        waiting = set(Ticket.objects.pending().values_list("tool_call_id", flat=True))
        assert sorted(answers) == sorted(set(calls) - waiting)
        assert old.tool_call_id in answers

    def test_a_call_that_had_run_is_not_called_refused(self, start, resume, alice, carol, dave):
        said = {"messages": [{"role": "user", "content": "transfer 5 to bob, and also transfer 6 to acme"}]}
        run = start("operations", said)
        first, second = Ticket.objects.pending().order_by("id")
        resume(decide(first, alice))
        run = start("operations", {"messages": [{"role": "user", "content": "hello"}]}, thread_id=run.thread_id)
        answers = {line["tool_call_id"]: line["content"] for line in run.transcript if line["role"] == "tool"}
        assert "5.00 to bob" in answers[first.tool_call_id]
        assert "a new message came" in answers[second.tool_call_id]
        first.refresh_from_db()
        assert "5.00 to bob" in first.result

    @pytest.mark.parametrize(
        ("execution", "words"),
        [("unknown", "It is not known whether this was run."), ("failed", "This failed. The bank said no.")],
    )
    def test_nor_is_a_call_that_was_let_loose(self, start, alice, execution, words):
        said = {"messages": [{"role": "user", "content": "transfer 5 to bob"}]}
        run = start("operations", said)
        decide(only(), alice)
        force(Ticket.objects.all(), execution=execution, error="The bank said no.", delivered_at=Now())
        run = start("operations", {"messages": [{"role": "user", "content": "hello"}]}, thread_id=run.thread_id)
        [answer] = [line["content"] for line in run.transcript if line["role"] == "tool"]
        assert answer.startswith(words)
