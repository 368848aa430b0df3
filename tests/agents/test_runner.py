"""Pause, tickets, decision, resume, on the real checkpointer: each answer reaches its own question, once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import pytest
from django.db import connection
from langchain_core.messages import AIMessage
from procrastinate.contrib.django.models import ProcrastinateJob

from agents import leases, runner, runs, sessions, sweeps, threads
from agents.errors import (
    BadInput,
    BadThreadId,
    LeaseHeld,
    LeaseLost,
    StaleInterrupt,
    ThreadOfAnotherGraph,
    UnknownGraph,
    UnknownThread,
)
from agents.models import Run
from approvals.models import AuditEntry, Ticket
from tests.agents.example_graphs import EFFECTS
from tests.factories import claim, decide, force, make_policy, unguarded

LONG_AGO = "2020-01-01T00:00Z"

pytestmark = pytest.mark.django_db(transaction=True)


def only(**facts):
    """The one ticket; what asks how an action in doubt ended is not meant."""
    return Ticket.objects.get(about=None, **facts)


def pending(run):
    return list(Ticket.objects.filter(thread_id=run.thread_id).pending().order_by("id"))


def test_a_question_pauses_the_run_and_opens_a_ticket(start):
    run = start("two_questions")
    ticket = only()
    assert run.status == "paused"
    assert (ticket.action, ticket.args) == ("pay", {"question": "Pay the bill?"})
    assert ticket.thread_id == run.thread_id


def test_an_approval_resumes_to_the_next_question(start, resume, alice):
    start("two_questions")
    run = resume(decide(only(), alice))
    assert EFFECTS == ["paid True"]
    assert run.status == "paused"
    assert pending(run)[0].action == "delete"


def test_the_last_answer_ends_the_run(start, resume, alice):
    run = start("two_questions")
    for _ in range(2):
        run = resume(decide(pending(run)[0], alice))
    assert run.status == "succeeded"
    assert run.output["second"] is True
    assert run.ended_at


def test_a_job_delivered_three_times_never_answers_the_next_question(start, resume, alice):
    start("two_questions")
    ticket = decide(only(), alice)
    for _ in range(3):
        run = resume(ticket)
    assert EFFECTS == ["paid True"]
    assert run.status == "paused"


def test_two_workers_on_one_thread_run_the_action_once(start, run_together, alice):
    start("slow")
    ticket = decide(only(), alice)
    results = run_together(*(runner.resume(ticket.thread_id, ticket.pk) for _ in range(4)))
    assert EFFECTS == ["slow"]
    assert sum(isinstance(result, LeaseHeld) for result in results) == 3


def test_the_registry_names_the_words_of_an_answer(start, resume, alice):
    start("worded")
    resume(decide(only(), alice, "reject"))
    assert EFFECTS == ["paid rejected"]


def test_an_approved_action_is_recorded_as_succeeded(start, resume, alice):
    start("two_questions")
    resume(decide(only(), alice))
    assert Ticket.objects.get(action="pay").execution == "succeeded"


def test_a_rejected_action_never_starts(start, resume, alice):
    start("two_questions")
    resume(decide(only(), alice, "reject", message="no"))
    assert Ticket.objects.get(action="pay").execution == "not_started"


def test_a_node_that_raises_fails_the_run_and_says_why(start, resume, alice):
    start("crash")
    run = resume(decide(only(), alice))
    ticket = only()
    assert (run.status, run.error) == ("failed", "ValueError: the account is closed")
    assert (ticket.execution, ticket.error) == ("unknown", "ValueError: the account is closed")


def test_a_timeout_is_unknown_not_failed(start, resume, alice):
    start("times_out")
    resume(decide(only(), alice))
    assert only().execution == "unknown"


def test_a_batch_waits_for_every_decision(start, resume, alice):
    run = start("batched")
    first, second = pending(run)
    assert resume(decide(first, alice)).status == "paused"
    run = resume(decide(second, alice, "reject", message="keep it"))
    assert run.status == "succeeded"
    assert run.output["decisions"] == [{"type": "approve"}, {"type": "reject", "message": "keep it"}]


def test_parallel_questions_are_answered_one_by_one(start, resume, alice):
    run = start("parallel")
    first, second = pending(run)
    assert resume(decide(second, alice)).status == "paused"
    assert EFFECTS == ["paid 2"]
    run = resume(decide(first, alice, "edit", args={"amount": 7}))
    assert EFFECTS == ["paid 2", "paid 7"]
    assert run.status == "succeeded"


def test_an_auto_gate_is_delivered_in_the_same_breath(start, cast):
    make_policy("Free", action="*", gate="auto", risk="low")
    run = start("two_questions")
    assert run.status == "succeeded"
    assert EFFECTS == ["paid True", "deleted True"]


def test_an_expired_ticket_answers_with_a_refusal(start, resume, alice):
    run = start("parallel")
    force(Ticket.objects.all(), deadline_at=LONG_AGO)
    from approvals import deadlines

    deadlines.expire_overdue()
    run = resume(Ticket.objects.filter(thread_id=run.thread_id).first())
    assert EFFECTS == []
    assert run.status == "succeeded"


def test_new_input_supersedes_the_question(start):
    run = start("two_questions")
    old = only()
    start("two_questions", thread_id=run.thread_id)
    old.refresh_from_db()
    assert old.state == "superseded"
    assert len(pending(run)) == 1


def test_an_approval_that_its_graph_no_longer_waits_for_is_closed(start, resume, alice):
    run = start("two_questions")
    old = decide(only(), alice)
    Ticket.objects.filter(pk=old.pk).update(checkpoint_id="another")
    run = resume(old)
    old.refresh_from_db()
    assert old.state == "superseded"
    assert EFFECTS == []
    assert run.status == "paused"


def test_langgraph_refuses_an_id_that_is_not_pending(start, run_together):
    run = start("two_questions")

    async def answer_unknown():
        async with sessions.opened(run.thread_id) as session:
            pause = (await session.thread.look()).pauses[0]
            gone = type(pause)(interrupt_id="0" * 32, node="pay")
            await session.thread.answer(gone, True)

    assert isinstance(run_together(answer_unknown())[0], StaleInterrupt)
    assert EFFECTS == []


class TestBreakpoints:
    TASK: ClassVar = {"messages": [{"role": "user", "content": "pay"}]}

    def test_each_tool_call_is_a_ticket(self, start):
        run = start("calls", self.TASK)
        assert [(t.action, t.args, t.tool_call_id) for t in pending(run)] == [
            ("pay", {"amount": 1}, "call-1"),
            ("pay", {"amount": 2}, "call-2"),
        ]
        assert pending(run)[0].args_schema["properties"]["amount"]["type"] == "integer"

    def decided(self, start, resume, alice, *, first, second, **fields):
        run = start("calls", self.TASK)
        one, two = pending(run)
        decide(one, alice, first, message="no thanks" if first in {"reject", "respond"} else "")
        return resume(decide(two, alice, second, **fields))

    def test_approved_calls_run(self, start, resume, alice):
        run = self.decided(start, resume, alice, first="approve", second="approve")
        assert sorted(EFFECTS) == ["paid 1", "paid 2"]
        assert run.status == "succeeded"

    def test_a_rejected_call_never_runs_and_the_model_reads_why(self, start, resume, alice):
        run = self.decided(start, resume, alice, first="reject", second="approve")
        assert EFFECTS == ["paid 2"]
        answers = {line["tool_call_id"]: line["content"] for line in run.transcript if line["role"] == "tool"}
        assert answers == {"call-1": "no thanks", "call-2": "paid 2"}

    def test_the_message_order_stays_valid(self, start, resume, alice):
        run = self.decided(start, resume, alice, first="reject", second="approve")
        assert [line["role"] for line in run.transcript] == ["user", "agent", "tool", "tool", "agent"]
        assert [call["id"] for call in run.transcript[1]["tool_calls"]] == ["call-1", "call-2"]

    def test_all_rejected_runs_nothing(self, start, resume, alice):
        run = self.decided(start, resume, alice, first="reject", second="respond", message="Paid by hand.")
        assert EFFECTS == []
        assert run.status == "succeeded"
        assert [line["content"] for line in run.transcript[2:4]] == ["no thanks", "Paid by hand."]

    def test_an_edited_call_runs_as_edited(self, start, resume, alice):
        run = self.decided(start, resume, alice, first="approve", second="edit", args={"amount": 9})
        assert sorted(EFFECTS) == ["paid 1", "paid 9"]
        assert "{'amount': 9}" in run.transcript[3]["content"]
        assert Ticket.objects.get(position=1).execution == "succeeded"

    def test_a_state_can_be_edited_before_the_step(self, start, resume, alice):
        run = start("draft")
        run = resume(decide(only(), alice, "edit", args={"asked": "x", "text": "Good day"}))
        assert EFFECTS == ["sent Good day"]
        assert run.status == "succeeded"

    def test_a_rejected_step_ends_the_run_with_its_state_untouched(self, start, resume, alice):
        start("draft")
        run = resume(decide(only(), alice, "reject", message="not this"))
        assert (run.status, run.error) == ("rejected", "not this")
        assert EFFECTS == []


class TestRefusals:
    """Each its own error, and nothing changed."""

    @pytest.mark.parametrize(
        ("graph", "value", "thread_id", "error"),
        [
            ("nowhere", {}, "t", UnknownGraph),
            ("operations", {}, "t", BadInput),
            ("operations", [], "t", BadInput),
            ("compiled", {}, "no spaces", BadThreadId),
        ],
    )
    def test_bad_requests_leave_no_run(self, start, graph, value, thread_id, error):
        with pytest.raises(error):
            start(graph, value, thread_id=thread_id)
        assert not Run.objects.exists()

    def test_a_thread_belongs_to_one_graph(self, start):
        run = start("two_questions")
        with pytest.raises(ThreadOfAnotherGraph, match="two_questions"):
            start("compiled", thread_id=run.thread_id)
        assert len(pending(run)) == 1

    def test_an_unknown_thread(self, runtime):
        with pytest.raises(UnknownThread):
            runs.find("nowhere")

    def test_a_stale_lease_cannot_write(self, start):
        run = start("two_questions")
        with pytest.raises(LeaseLost):
            runs.write(leases.Lease(thread_id=run.thread_id, token=run.lease_token - 1, run=run), status="failed")
        run.refresh_from_db()
        assert run.status == "paused"


class TestDeadWorkers:
    def claimed(self, start, alice):
        """As a worker leaves it that is killed after the claim."""
        run = start("parallel")
        ticket = decide(pending(run)[0], alice)
        claim(ticket)
        Run.objects.filter(pk=run.pk).update(status="running", lease_expires_at=LONG_AGO)
        return ticket

    def test_a_claimed_action_becomes_unknown_and_never_runs_again(self, start, run_together, alice):
        ticket = self.claimed(start, alice)
        run_together(runner.drive(ticket.thread_id))
        ticket.refresh_from_db()
        assert ticket.execution == "unknown"
        assert EFFECTS == []
        assert Run.objects.get().status == "failed"

    def test_its_siblings_are_not_resumed_either(self, start, resume, alice):
        ticket = self.claimed(start, alice)
        sibling = pending(Run.objects.get())[0]
        resume(decide(sibling, alice))
        assert EFFECTS == []
        assert Run.objects.get().status == "failed"
        assert "not known whether" in Run.objects.get().error
        assert ticket.pk != sibling.pk

    def test_a_decision_before_the_claim_is_not_lost(self, start, resume, alice):
        run = start("two_questions")
        ticket = decide(only(), alice)
        Run.objects.filter(pk=run.pk).update(status="running", lease_expires_at=LONG_AGO)
        resume(ticket)
        assert EFFECTS == ["paid True"]

    def test_a_live_lease_keeps_others_out(self, start, resume, alice):
        run = start("two_questions")
        ticket = decide(only(), alice)
        assert leases.take(run.thread_id, owner="another")
        with pytest.raises(LeaseHeld):
            resume(ticket)
        assert EFFECTS == []

    def test_a_step_that_nobody_approved_is_asked_about_not_taken(self, start, run_together):
        run = start("draft")
        Ticket.objects.update(interrupt_id="elsewhere")
        Run.objects.filter(pk=run.pk).update(status="running")
        run_together(runner.drive(run.thread_id))
        assert EFFECTS == []
        assert [ticket.action for ticket in pending(run)] == ["send"]


def test_a_queued_run_is_begun_once(start, run_together, cast):
    from agents import tasks

    runs.register("t", graph="two_questions", value={"asked": "x"}, requester_id=None, model="scripted")
    run_together(tasks.drive(thread_id="t"))
    run_together(tasks.drive(thread_id="t"))
    assert Run.objects.get().status == "paused"
    assert Ticket.objects.count() == 1


def test_the_resume_task_waits_for_a_lease_that_is_about_to_be_released(start, run_together, alice):
    from agents import tasks

    run = start("two_questions")
    ticket = decide(only(), alice)
    held = leases.take(run.thread_id, owner="another")

    async def let_go():
        await leases.in_thread(leases.release, held)

    run_together(tasks.resume(thread_id=run.thread_id, ticket_id=ticket.pk), let_go())
    assert EFFECTS == ["paid True"]


def test_the_sweep_gives_a_lost_job_back(start, alice):
    start("two_questions")
    ticket = decide(only(), alice)
    assert sweeps.nudge_undelivered() == 0
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'agents.resume'")
    with unguarded():
        Ticket.objects.filter(pk=ticket.pk).update(resolved_at=LONG_AGO, release_at=LONG_AGO)
    assert sweeps.nudge_undelivered() == 1
    assert sweeps.nudge_undelivered() == 0
    assert ProcrastinateJob.objects.filter(task_name="agents.resume").count() == 1


def test_the_delivery_is_in_the_audit(start, resume, alice):
    start("two_questions")
    resume(decide(only(), alice))
    kinds = list(AuditEntry.objects.filter(ticket__action="pay").values_list("type", flat=True))
    assert kinds[-2:] == ["ticket.delivered", "execution.succeeded"]


def test_an_agent_that_thinks_again_asks_under_a_ticket_that_follows(start, resume, alice):
    run = start("insists")
    resume(decide(only(), alice, "reject", message="Too much."))
    again = pending(run)[0]
    assert (again.args["amount"], again.follows.args["amount"]) == (900, 1000)
    resume(decide(again, alice))
    assert EFFECTS == ["paid 900"]


def test_an_agent_that_asks_too_often_ends_its_run(start, resume, alice):
    make_policy("Twice", max_requests=2, requirements={"reviewers": 1})
    run = start("insists")
    for _ in range(2):
        run = resume(decide(pending(run)[0], alice, "reject"))
    assert run.status == "rejected"
    assert "asked for this 2 times" in run.error
    assert (pending(run), EFFECTS) == ([], [])


def test_a_new_message_lets_the_agent_ask_afresh(start, resume, alice):
    make_policy("Once", max_requests=1, requirements={"reviewers": 1})
    run = start("insists")
    assert resume(decide(only(), alice, "reject")).status == "rejected"
    run = start("insists", {"asked": "try again"}, thread_id=run.thread_id)
    assert (run.status, pending(run)[0].request_number) == ("paused", 1)


def test_new_input_on_a_known_thread_is_in_the_record(start):
    run = start("two_questions")
    start("two_questions", {"asked": "again"}, thread_id=run.thread_id)
    told = AuditEntry.objects.filter(stream=f"run/{run.thread_id}").order_by("id").values_list("type", "actor_name")
    assert list(told) == [("run.started", "dave"), ("run.continued", "dave")]


@pytest.mark.parametrize("said", ["stop", {"role": "user", "content": "stop"}])
def test_one_message_without_a_list_stays_one_message(said):
    asked = AIMessage("", tool_calls=[{"name": "pay", "args": {}, "id": "c"}])
    seen = SimpleNamespace(values={"messages": [asked]}, results=[])
    refusal, told = threads._answering(seen, {"messages": said}, {})["messages"]
    assert (refusal.tool_call_id, told) == ("c", said)
