"""A graph that stops by itself goes on only when people approved all that then runs."""

from __future__ import annotations

import pytest

from agents import runner, wishes
from agents.errors import AnswerWaits
from agents.models import DemoTransfer, Run
from approvals import tickets
from approvals.errors import DecisionNotAllowed, InvalidArguments
from approvals.models import Ticket
from tests.agents.example_graphs import EFFECTS
from tests.agents.test_recovery import abandon
from tests.factories import claim, decide, make_policy, unguarded

pytestmark = pytest.mark.django_db(transaction=True)

GO = {"messages": [{"role": "user", "content": "go"}]}
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

    def test_an_approval_in_its_recall_window_is_not_wiped_out(self, start, repair, resume, alice):
        run = start("stops")
        decide(Ticket.objects.get(), alice)
        with unguarded():
            Ticket.objects.update(release_at="2999-01-01T00:00Z")
        with pytest.raises(AnswerWaits):
            repair(run)
        assert (Run.objects.get().status, Ticket.objects.get().state) == ("paused", "approved")


class TestRetry:
    def test_a_breakpoint_whose_ticket_could_not_be_opened_is_not_passed(self, start, dave):
        run = start("big_stop")
        wishes.request_retry(run.thread_id, actor=dave)
        runner.drive_sync(run.thread_id)
        assert (Run.objects.get(pk=run.pk).status, EFFECTS) == ("failed", [])


def pending():
    return list(Ticket.objects.pending().order_by("position", "id"))


class TestIdsUsedAgain:
    def test_every_call_of_the_new_turn_is_asked_about(self, start, resume, alice):
        start("ids_again", GO)
        resume(decide(pending()[0], alice))
        assert [ticket.action for ticket in pending()] == ["wipe", "pay"]
        decide(pending()[0], alice, "reject")
        resume(decide(pending()[0], alice))
        assert EFFECTS == ["paid 1", "paid 2"]

    def test_the_only_call_of_a_turn_is_too(self, start, resume, alice):
        start("id_again", GO)
        resume(decide(pending()[0], alice))
        assert [(ticket.action, ticket.args) for ticket in pending()] == [("wipe", {"name": "prod"})]

    def test_each_ticket_gets_its_own_result(self, start, resume, alice):
        start("ids_again", GO)
        resume(decide(pending()[0], alice))
        decide(pending()[0], alice)
        resume(decide(pending()[0], alice))
        assert [t.result for t in Ticket.objects.order_by("id")] == ["paid 1", "wiped prod", "paid 2"]

    def test_an_old_result_is_not_taken_for_the_new_one(self, start, resume, alice):
        run = start("asks_id_again", GO)
        resume(decide(pending()[0], alice))
        ticket = decide(pending()[0], alice)
        assert claim(ticket)
        abandon(run, answering=ticket.interrupt_id)
        runner.drive_sync(run.thread_id)
        ticket.refresh_from_db()
        assert (ticket.execution, ticket.result) == ("unknown", None)


def asked():
    return [(ticket.action, ticket.args) for ticket in pending()]


class TestSeveralNodes:
    def test_each_has_its_ticket_beside_the_calls(self, start):
        start("fan", GO)
        assert asked() == [("pay", {"amount": 1}), ("publish", {})]

    def test_none_runs_before_all_are_approved(self, start, resume, alice):
        start("fan", GO)
        call, node = pending()
        assert resume(decide(call, alice)).status == "paused"
        assert EFFECTS == []
        assert resume(decide(node, alice)).status == "succeeded"
        assert sorted(EFFECTS) == ["paid 1", "published"]

    def test_none_runs_when_one_is_rejected(self, start, resume, alice):
        start("fan", GO)
        call, node = pending()
        decide(node, alice)
        run = resume(decide(call, alice, "reject", message="not now"))
        assert (run.status, EFFECTS) == ("rejected", [])
        assert "not now" in run.error

    def test_the_policy_of_each_applies(self, start, cast):
        make_policy("Wipe", action="wipe", risk="critical", requirements={"security": 1})
        start("pair")
        assert [(ticket.action, ticket.risk) for ticket in pending()] == [("send", "medium"), ("wipe", "critical")]

    def test_what_two_nodes_read_is_not_edited_for_one(self, start, alice):
        start("pair")
        with pytest.raises(DecisionNotAllowed):
            decide(pending()[0], alice, "edit", args={"asked": "x", "to": "eve"})


class TestSubgraphs:
    def test_the_calls_inside_are_shown(self, start, resume, alice):
        start("team", GO)
        assert asked() == [("wipe", {"name": "prod"})]
        assert resume(decide(pending()[0], alice)).status == "succeeded"
        assert EFFECTS == ["wiped prod"]

    def test_a_rejection_inside_ends_the_run(self, start, resume, alice):
        start("team", GO)
        assert resume(decide(pending()[0], alice, "reject")).status == "rejected"
        assert EFFECTS == []

    def test_the_state_inside_is_shown(self, start, resume, alice):
        start("deep_step")
        assert asked() == [("inner", {"asked": "x", "to": "bob"})]
        resume(decide(pending()[0], alice))
        assert EFFECTS == ["inner"]

    def test_it_cannot_be_edited(self, start, alice):
        start("deep_step")
        with pytest.raises(DecisionNotAllowed):
            decide(pending()[0], alice, "edit", args={"asked": "x", "to": "eve"})


class TestCalls:
    def test_a_tool_node_with_fallbacks_is_one(self, start, resume, alice):
        start("fallbacks", GO)
        assert asked() == [("wipe", {"name": "prod"})]
        assert resume(decide(pending()[0], alice, "reject")).output == "All done."
        assert EFFECTS == []

    @pytest.mark.parametrize(("graph", "why"), [("same_ids", "the id “c”"), ("no_ids", "without an id")])
    def test_calls_that_nobody_can_tell_apart_never_run(self, start, graph, why):
        run = start(graph, GO)
        assert (run.status, EFFECTS) == ("failed", [])
        assert why in run.error

    def test_behind_a_refused_call_the_next_breakpoint_holds(self, start, resume, alice):
        start("stops_behind", GO)
        run = resume(decide(pending()[0], alice, "reject"))
        assert (run.status, EFFECTS, asked()) == ("paused", [], [("publish", {})])
        resume(decide(pending()[0], alice))
        assert EFFECTS == ["published"]


class TestValuesThatAreNoJson:
    def test_they_are_shown(self, start):
        start("hidden_amount")
        assert asked() == [("transfer", {"asked": "x", "to": "bob", "amount": "1000000"})]

    def test_what_is_edited_beside_them_leaves_their_type(self, start, resume, alice):
        start("hidden_amount")
        resume(decide(pending()[0], alice, "edit", args={"asked": "x", "to": "eve", "amount": "1000000"}))
        assert EFFECTS == ["transferred Decimal('1000000') to eve"]

    def test_nobody_edits_them(self, start, alice):
        start("hidden_amount")
        with pytest.raises(InvalidArguments):
            decide(pending()[0], alice, "edit", args={"asked": "x", "to": "bob", "amount": "1"})


class TestEdits:
    @pytest.mark.parametrize("graph", ["routed", "routed_freely"])
    def test_one_that_leads_elsewhere_runs_nothing_and_is_asked_about(self, start, resume, alice, graph):
        start(graph)
        ticket = decide(pending()[0], alice, "edit", args={"asked": "x", "to": "bob", "route": "wipe"})
        run = resume(ticket)
        ticket.refresh_from_db()
        assert (ticket.state, ticket.execution) == ("superseded", "failed")
        assert (run.status, EFFECTS) == ("paused", [])
        assert [ticket.action for ticket in pending()] == ["wipe"]

    def test_the_policy_of_where_it_leads_applies(self, start, resume, alice, cast):
        make_policy("Wipe", action="wipe", risk="critical", requirements={"security": 1})
        start("routed")
        resume(decide(pending()[0], alice, "edit", args={"asked": "x", "to": "bob", "route": "wipe"}))
        assert [ticket.risk for ticket in pending()] == ["critical"]

    def test_one_to_the_end_runs_nothing(self, start, resume, alice):
        start("routed")
        run = resume(decide(pending()[0], alice, "edit", args={"asked": "x", "to": "bob", "route": "__end__"}))
        assert (run.status, EFFECTS, Ticket.objects.get().state) == ("succeeded", [], "superseded")

    def test_one_behind_two_nodes_that_ran_at_once(self, start, resume, alice):
        start("joined")
        run = resume(decide(pending()[0], alice, "edit", args={"asked": "x", "one": "9", "two": "2"}))
        assert (run.status, EFFECTS) == ("succeeded", ["sent 9 2"])


@pytest.mark.parametrize("graph", ["stops", "deep_step", "called_inside_stops"])
class TestDeadWorkers:
    def test_a_stop_without_tickets_is_asked_about_not_passed(self, start, graph):
        run = start(graph)
        tickets.supersede(Ticket.objects.get().pk, reason="as if it had never been opened")
        abandon(run)
        runner.drive_sync(run.thread_id)
        assert (Run.objects.get(pk=run.pk).status, EFFECTS, len(pending())) == ("paused", [], 1)

    def test_nor_does_a_repair_pass_it(self, start, repair, graph):
        run = repair(start(graph))
        assert (run.status, EFFECTS, len(pending())) == ("paused", [], 1)
