"""A graph that stops by itself goes on only when people approved all that then runs."""

from __future__ import annotations

import pytest

from agents import runner, wishes
from agents.models import DemoTransfer, Run
from approvals.models import Ticket
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide

pytestmark = pytest.mark.django_db(transaction=True)

TRANSFER = {"messages": [{"role": "user", "content": "transfer 250 to bob"}]}


@pytest.fixture
def repair(dave):
    """Ask for a repair as Dave, do it as a worker would, and return the run."""

    def repair(run):
        wishes.request_repair(run.thread_id, actor=dave)
        runner.drive_sync(run.thread_id)
        return Run.objects.get(pk=run.pk)

    return repair


class TestRepair:
    def test_a_breakpoint_is_not_passed(self, start, repair):
        run = repair(start("stops"))
        assert (run.status, EFFECTS) == ("paused", [])

    def test_nor_is_one_before_a_tool_node(self, start, repair):
        run = repair(start("tool_review", TRANSFER))
        assert run.status == "paused"
        assert not DemoTransfer.objects.exists()

    def test_nor_one_whose_ticket_could_not_be_opened(self, start, repair):
        run = start("big_stop")
        assert run.status == "failed"
        assert repair(run).status == "failed"
        assert EFFECTS == []

    def test_the_question_is_asked_again_and_its_approval_counts(self, start, repair, resume, alice):
        run = repair(start("stops"))
        old, new = Ticket.objects.order_by("id")
        assert (old.state, new.state) == ("superseded", "pending")
        assert resume(decide(new, alice)).status == "succeeded"
        assert EFFECTS == ["sent"]
        assert run.thread_id == new.thread_id

    def test_an_approval_in_its_recall_window_counts_no_more(self, start, repair, resume, alice):
        run = start("stops")
        Ticket.objects.filter(pk=decide(Ticket.objects.get(), alice).pk).update(release_at="2999-01-01T00:00Z")
        assert repair(run).status == "paused"
        assert [ticket.state for ticket in Ticket.objects.order_by("id")] == ["superseded", "pending"]


class TestRetry:
    def test_a_breakpoint_whose_ticket_could_not_be_opened_is_not_passed(self, start, dave):
        run = start("big_stop")
        wishes.request_retry(run.thread_id, actor=dave)
        runner.drive_sync(run.thread_id)
        assert (Run.objects.get(pk=run.pk).status, EFFECTS) == ("failed", [])
