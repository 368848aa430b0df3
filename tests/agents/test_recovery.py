"""Workers die, nodes raise, databases go away: a run ends up where it would be, or says why it cannot."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from langchain_core.tools import ToolException

from agents import runner, runs, sweeps, wishes
from agents.errors import InDoubt, LeaseLost, WrongStatus
from agents.models import Run
from approvals import tickets
from approvals.models import AuditEntry, Ticket
from tests.agents import broken_graphs
from tests.agents.broken_graphs import TROUBLE
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide, force, unguarded

LONG_AGO = "2020-01-01T00:00Z"

pytestmark = pytest.mark.django_db(transaction=True)


def only(**facts):
    return Ticket.objects.get(about=None, **facts)


def claim(ticket):
    """As a worker does before it hands the answer over."""
    with transaction.atomic():
        assert tickets.claim(Ticket.objects.filter(pk=ticket.pk))


def abandon(run, **facts):
    """As a worker leaves the run that is killed."""
    Run.objects.filter(pk=run.pk).update(status="running", lease_expires_at=LONG_AGO, **facts)


@pytest.fixture
def drive():
    """Do what a run's row asks for, as a worker would; returns the run."""

    def drive(run):
        runner.drive_sync(run.thread_id)
        return Run.objects.get(pk=run.pk)

    return drive


class TestDeadWorkers:
    def test_a_rejection_that_was_claimed_is_told_again(self, start, drive, alice):
        run = start("two_questions")
        ticket = decide(only(), alice, "reject", message="no")
        claim(ticket)
        abandon(run, answering=ticket.interrupt_id)
        assert drive(run).status == "paused"
        assert EFFECTS == ["paid False"]

    def test_an_approval_that_was_claimed_is_not(self, start, drive, alice):
        run = start("two_questions")
        ticket = decide(only(), alice)
        claim(ticket)
        abandon(run, answering=ticket.interrupt_id)
        assert drive(run).status == "failed"
        assert EFFECTS == []

    def test_nor_are_words_that_let_the_graph_act(self, start, drive, alice):
        run = start("fussy")
        ticket = decide(only(), alice, "respond", message='{"n": 1}')
        claim(ticket)
        abandon(run, answering=ticket.interrupt_id)
        assert "not known whether" in drive(run).error
        assert only().execution == "unknown"
        assert EFFECTS == []

    def test_input_that_never_arrived_is_given_again(self, runtime, project, drive):
        run = runs.register(
            "never-arrived", graph="works_then_asks", value={"asked": "x"}, requester_id=None, model="scripted"
        )
        abandon(run)
        assert drive(run).status == "paused"
        assert EFFECTS == ["worked"]

    def test_so_is_a_new_message_on_a_finished_thread(self, start, resume, drive, alice):
        run = start("works_then_asks")
        resume(decide(only(), alice))
        Run.objects.filter(pk=run.pk).update(begun_from=head(run), answering="")
        abandon(run)
        assert drive(run).status == "paused"
        assert EFFECTS == ["worked", "acted", "worked"]

    def test_a_step_that_was_broken_off_is_entered_again(self, start, drive):
        TROUBLE.append(ValueError("killed"))
        run = start("works_then_asks")
        abandon(run, error="")
        assert drive(run).status == "paused"
        assert EFFECTS == ["worked", "worked"]

    def test_a_step_that_kills_every_worker_ends_the_run(self, start, drive):
        TROUBLE.append(ValueError("killed"))
        run = start("works_then_asks")
        abandon(run, recoveries=runs.RECOVERIES)
        assert drive(run).error.startswith(runs.STOPPED)
        assert EFFECTS == ["worked"]

    @pytest.mark.parametrize("wish", ["retry", "repair"])
    def test_so_does_a_wish_that_kills_every_worker(self, start, drive, wish):
        TROUBLE.append(ValueError("killed"))
        run = start("works_then_asks")
        abandon(run, wish=wish, recoveries=runs.RECOVERIES)
        assert drive(run).error.startswith(runs.STOPPED)
        assert EFFECTS == ["worked"]

    def test_what_a_tool_had_answered_is_not_unknown(self, start, drive, resume, alice):
        run = start("calls", {"messages": [{"role": "user", "content": "pay"}]})
        first, second = Ticket.objects.order_by("id")
        decide(first, alice)
        resume(decide(second, alice))
        force(Ticket.objects.all(), execution="started", result=None)
        abandon(run)
        assert drive(run).status == "succeeded"
        assert {t.execution for t in Ticket.objects.all()} == {"succeeded"}


def head(run):
    """The newest checkpoint of the thread."""
    from agents import sessions

    async def look():
        async with sessions.opened(run.thread_id) as session:
            return (await session.thread.look()).checkpoint_id

    return runner.run_alone(look())


class TestTheSweep:
    def jobs(self):
        from procrastinate.contrib.django.models import ProcrastinateJob

        jobs = ProcrastinateJob.objects.filter(task_name="agents.drive", status="todo")
        return sorted(job.args["thread_id"] for job in jobs)

    def test_an_abandoned_run_gets_one_job(self, start):
        run = start("two_questions")
        abandon(run)
        assert [sweeps.nudge_runs(), sweeps.nudge_runs()] == [1, 0]
        assert self.jobs() == [run.thread_id]

    def test_a_run_that_is_driven_gets_none(self, start):
        start("two_questions")
        Run.objects.update(status="running", lease_expires_at="2999-01-01T00:00Z")
        assert sweeps.nudge_runs() == 0

    def test_a_queued_run_without_a_job_gets_one(self, runtime, project):
        runs.register("t", graph="two_questions", value={"asked": "x"}, requester_id=None, model="scripted")
        Run.objects.update(updated_at=LONG_AGO)
        assert sweeps.nudge_runs() == 1

    def test_a_malformed_pause_fails_its_run_and_keeps_no_other_waiting(self, start, run_together):
        from agents import tasks

        bad, good = start("malformed"), start("works_then_asks")
        assert (bad.status, "it is malformed" in bad.error) == ("failed", True)
        for run in (bad, good):
            abandon(run)
        assert run_together(sweeps.once()) == [None]
        assert run_together(*(tasks.drive(thread_id=thread_id) for thread_id in self.jobs())) == [None, None]
        assert {run.graph: run.status for run in Run.objects.all()} == {
            "malformed": "failed",
            "works_then_asks": "paused",
        }

    @pytest.mark.parametrize(("attempts", "seconds"), [(0, 1), (2, 4), (3, 8), (50, 8)])
    def test_a_graph_that_this_worker_does_not_know_is_tried_every_8_seconds(self, attempts, seconds):
        from datetime import UTC, datetime

        from procrastinate.jobs import Job

        from agents.errors import UnknownGraph
        from agents.tasks import EverMoreSlowly

        job = Job(id=1, lock=None, queueing_lock=None, task_name="t", queue="q", attempts=attempts)
        error = UnknownGraph("There is no such graph.")
        decision = EverMoreSlowly().get_retry_decision(exception=error, job=job)
        assert (decision.retry_at - datetime.now(UTC)).total_seconds() == pytest.approx(seconds, abs=0.5)

    def test_tools_that_hang_do_not_keep_the_database_waiting(self, db):
        import asyncio
        import threading
        from concurrent.futures import ThreadPoolExecutor

        from agents.database import in_thread

        let_go = threading.Event()

        async def crowded():
            loop = asyncio.get_running_loop()
            loop.set_default_executor(ThreadPoolExecutor(1))
            hanging = loop.run_in_executor(None, let_go.wait)
            try:
                return await asyncio.wait_for(in_thread(Run.objects.count), 5)
            finally:
                let_go.set()
                await hanging

        assert asyncio.run(crowded()) == 0


def test_a_worker_that_lost_its_run_saves_no_step(start):
    from agents import checkpoints

    with pytest.raises(LeaseLost):
        start("loses_lease")
    with checkpoints.reading() as saver:
        saved = [kept.checkpoint["channel_values"] for kept in saver.list(None)]
    assert saved
    assert not any("too late" in values.values() for values in saved)


class TestDatabaseAway:
    def test_after_a_tool_ran_the_execution_is_unknown_not_failed(self, start, resume, alice):
        start("loses_database")
        run = resume(decide(only(), alice))
        assert EFFECTS == ["acted"]
        assert (only().execution, run.status) == ("unknown", "failed")

    def test_connections_that_are_cut_between_two_steps_do_not_end_a_run(self, start):
        run = start("cut_off")
        connection.close()
        assert (run.status, run.error) == ("paused", "")


class TestHostileWords:
    def test_what_a_node_returns_may_hold_nul(self, start, resume, alice):
        start("says_nul")
        run = resume(decide(only(), alice))
        assert run.status in {"succeeded", "failed"}
        assert "\0" not in f"{run.output} {run.error}"

    def test_what_a_node_raises_may_hold_nul(self, start):
        run = start("raises_nul")
        assert run.status == "failed"
        assert run.error.startswith("ValueError: a")

    @pytest.mark.parametrize("odd", broken_graphs.ODD)
    def test_what_is_asked_may_hold_anything(self, start, odd, client, admin):
        assert start("asks_oddly", {"asked": odd}).status == "paused"
        client.force_login(admin)
        assert client.get(only().get_absolute_url()).status_code == 200

    def test_so_may_an_earlier_call_of_the_conversation(self, start):
        run = start("calls_oddly", {"asked": "x"})
        assert (run.status, only().context[0]["tool_calls"][0]["args"]) == ("paused", {"score": "nan"})

    def test_what_nobody_thought_of_fails_the_run_and_says_why(self, start, settings):
        settings.COUNTERSIGN_PROTOCOLS = ["tests.agents.own_protocol"]
        run = start("asks_anything", {"value": {"please": "pay", "position": ["no", "place"]}})
        assert run.status == "failed"
        assert run.error.startswith("The run could not go on: TypeError: unhashable")


class TestRetry:
    def failed(self, start, resume, alice, error):
        run = start("flaky")
        TROUBLE.append(error)
        resume(decide(only(), alice))
        return Run.objects.get(pk=run.pk)

    def test_a_step_that_raised_is_entered_again(self, start, resume, drive, alice, dave):
        run = self.failed(start, resume, alice, ToolException("the account is closed"))
        assert (run.status, only().execution) == ("failed", "failed")
        wishes.request_retry(run.thread_id, actor=dave)
        assert drive(run).status == "succeeded"
        assert EFFECTS == ["looked", "acted"]
        assert only().execution == "succeeded"

    def test_a_retry_may_fail_again_and_says_why(self, start, resume, drive, alice, dave):
        run = self.failed(start, resume, alice, ToolException("closed"))
        TROUBLE.append(ToolException("still closed"))
        wishes.request_retry(run.thread_id, actor=dave)
        assert drive(run).error == "ToolException: still closed"
        assert only().error == "ToolException: still closed"

    def test_what_may_have_happened_is_never_tried_again(self, start, resume, alice, dave):
        run = self.failed(start, resume, alice, TimeoutError("no answer"))
        with pytest.raises(InDoubt, match="not known whether"):
            wishes.request_retry(run.thread_id, actor=dave)
        assert Run.objects.get().status == "failed"
        assert not wishes.may_retry(dave, run)

    def test_new_input_is_the_way_out_of_doubt(self, start, resume, alice):
        run = self.failed(start, resume, alice, TimeoutError("no answer"))
        start("flaky", thread_id=run.thread_id)
        run = resume(decide(Ticket.objects.pending().get(about=None), alice))
        assert (run.status, EFFECTS) == ("succeeded", ["looked", "looked", "acted"])

    def test_only_a_failed_run_is_tried_again(self, start, dave):
        run = start("two_questions")
        with pytest.raises(WrongStatus, match="paused"):
            wishes.request_retry(run.thread_id, actor=dave)

    def test_siblings_that_were_closed_with_the_run_are_asked_about_again(self, start, resume, drive, alice, dave):
        run = start("fussy_pair")
        first, second = Ticket.objects.order_by("id")
        resume(decide(first, alice, "reject"))
        second.refresh_from_db()
        assert second.state == "cancelled"
        wishes.request_retry(run.thread_id, actor=dave)
        drive(run)
        assert AuditEntry.objects.filter(type="run.retry_requested", actor=dave).exists()


def test_a_run_that_fails_withdraws_what_was_approved_and_not_delivered(start, resume, alice):
    run = start("fussy_pair")
    first, second = Ticket.objects.order_by("id")
    decide(second, alice)
    with unguarded():
        Ticket.objects.filter(pk=second.pk).update(release_at="2999-01-01T00:00Z")  # still in its recall window
    resume(decide(first, alice))
    second.refresh_from_db()
    assert (Run.objects.get(pk=run.pk).status, second.state) == ("failed", "cancelled")
    assert "the answer is not an object" in second.message
