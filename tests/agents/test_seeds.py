"""Every listing of the four documents that pauses a graph: the same pattern, through tickets and people."""

from __future__ import annotations

import pytest

from approvals.models import Ticket
from tests.agents.example_graphs import EFFECTS
from tests.factories import decide, make_policy

pytestmark = pytest.mark.django_db(transaction=True)


def task(words):
    return {"messages": [{"role": "user", "content": words}]}


def pending(run):
    return list(Ticket.objects.filter(thread_id=run.thread_id).pending().order_by("position", "id"))


def tools_said(run):
    return [turn["content"] for turn in run.transcript if turn["role"] == "tool"]


class TestDocument000:
    """Pause with the checkpointer: gate, edit, tiers, and the same on Postgres."""

    def test_gate_approved(self, start, resume, alice):
        run = start("gate", task("send_email"))
        assert (pending(run)[0].action, EFFECTS) == ("send_email", [])
        run = resume(decide(pending(run)[0], alice))
        assert (run.status, EFFECTS) == ("succeeded", ["emailed boss@example.com"])

    def test_gate_rejected_tells_the_model(self, start, resume, alice):
        # As printed, the rejection is a new user message behind an unanswered tool call, which OpenAI and
        # Anthropic refuse. Here the call is answered by a tool message with the reviewer's words.
        run = start("gate", task("send_email"))
        run = resume(decide(pending(run)[0], alice, "reject", message="The user has rejected this operation."))
        assert tools_said(run) == ["The user has rejected this operation."]
        assert (run.status, EFFECTS) == ("succeeded", [])

    def test_edit_then_execute(self, start, resume, alice):
        # As printed, only the arguments of the first call can be changed. Here each call has a ticket.
        run = start("gate", task("send_email delete_file"))
        email, deletion = pending(run)
        decide(email, alice)
        run = resume(decide(deletion, alice, "edit", args={"path": "b.txt"}))
        assert sorted(EFFECTS) == ["deleted b.txt", "emailed boss@example.com"]

    def test_tiers(self, start, resume, cast, alice, bob):
        make_policy("Low", action="safe_search", gate="auto", risk="low")
        make_policy("Medium", action="send_email", requirements={"reviewers": 1})
        make_policy("High", action="delete_file", risk="high", requirements={"reviewers": 2})
        assert start("gate", task("safe_search")).status == "succeeded"
        run = start("gate", task("delete_file"))
        decide(pending(run)[0], alice)
        assert EFFECTS == ["searched rain"]
        resume(decide(pending(run)[0], bob))
        assert EFFECTS == ["searched rain", "deleted a.txt"]

    def test_production_stops_only_before_the_dangerous_tools(self, start, resume, alice):
        # As printed, `PostgresSaver.from_conn_string` is used without its `with`, so there is no saver at all.
        assert start("dangerous", task("safe_search")).status == "succeeded"
        run = start("dangerous", task("delete_file"))
        resume(decide(pending(run)[0], alice))
        assert EFFECTS == ["searched rain", "deleted a.txt"]


class TestDocument001:
    """Interrupts and approval: the words are "approved" and "rejected"."""

    @pytest.mark.parametrize(
        ("kind", "request_after", "effects"),
        [
            ("approve", "Action completed: Delete user account #12345", ["Delete user account #12345"]),
            ("reject", "Action rejected by human review.", []),
        ],
    )
    def test_decide_get_approval_execute(self, start, resume, alice, kind, request_after, effects):
        run = start("approval", {"request": "Delete user account #12345", "approval_status": "pending"})
        [ticket] = pending(run)
        assert ticket.args == {"question": "Approve this action: It is best to: Delete user account #12345"}
        run = resume(decide(ticket, alice, kind))
        assert (run.output["request"], EFFECTS) == (request_after, effects)

    def test_several_people_can_approve_one_action(self, start, resume, cast, alice, bob):
        make_policy("Two", graph="approval", requirements={"reviewers": 2})
        run = start("approval", {"request": "x"})
        decide(pending(run)[0], alice)
        assert EFFECTS == []
        resume(decide(pending(run)[0], bob))
        assert EFFECTS == ["x"]


class TestDocument002:
    """A fixed checkpoint, by risk, by confidence: where to pause is the policy's word."""

    def test_the_draft_can_be_read_and_sent(self, start, resume, alice):
        run = start("email_checkpoint", {"messages": [], "draft": "", "approved": False})
        assert pending(run)[0].args["draft"] == "Dear client, I'm writing to confirm"
        run = resume(decide(pending(run)[0], alice))
        assert EFFECTS == ["Sending: Dear client, I'm writing to confirm"]
        assert run.status == "succeeded"

    def test_by_risk(self, start, resume, cast):
        make_policy("Quiet", action="send_email", gate="auto", risk="low", condition='args.to != "boss@example.com"')
        assert start("gate", task("send_email")).status == "paused"


class TestDocument003:
    """The tutorial's approval workflow."""

    def test_pause_before_any_tool(self, start, resume, alice):
        run = start("tutorial", task("send_email"))
        assert (pending(run)[0].action, pending(run)[0].tool_call_id) == ("send_email", "call-0")
        run = resume(decide(pending(run)[0], alice))
        assert (EFFECTS, tools_said(run)) == (["emailed boss@example.com"], ['"Email sent to boss@example.com"'])

    def test_rejected_calls_of_a_tool_node_written_by_hand_never_run(self, start, resume, alice):
        # As printed, a rejection leaves the graph where it is for ever.
        run = start("tutorial", task("send_email delete_file"))
        email, deletion = pending(run)
        decide(email, alice, "reject", message="no")
        run = resume(decide(deletion, alice))
        assert EFFECTS == ["deleted a.txt"]
        assert sorted(tools_said(run)) == ['"File a.txt deleted"', "no"]
        assert run.output == "Done."

    def test_all_calls_rejected(self, start, resume, alice):
        run = start("tutorial", task("send_email"))
        run = resume(decide(pending(run)[0], alice, "reject", message="no"))
        assert (EFFECTS, tools_said(run), run.output) == ([], ["no"], "Done.")

    def test_before_and_after_together_pause_once(self, start, resume, alice):
        run = start("before_and_after", task("delete_file"))
        run = resume(decide(pending(run)[0], alice))
        # The second pause is behind the agent's last word.
        assert EFFECTS == ["deleted a.txt"]
        assert run.status == "succeeded"

    def test_selective(self, start, resume, alice):
        assert start("selective", task("safe_search")).status == "succeeded"
        run = start("selective", task("delete_file safe_search"))
        assert [ticket.action for ticket in pending(run)] == ["delete_file", "safe_search"]
        assert EFFECTS == ["searched rain"]

    def test_edited_state_before_resuming(self, start, resume, alice):
        run = start("selective", task("send_email"))
        edited = {"to": "safe@example.com", "subject": "Modified"}
        resume(decide(pending(run)[0], alice, "edit", args=edited))
        assert EFFECTS == ["emailed safe@example.com"]

    @pytest.mark.parametrize(("kind", "effects"), [("approve", ["deleted a.txt"]), ("reject", [])])
    def test_interrupt_inside_the_tool_node(self, start, resume, alice, kind, effects):
        # With two sensitive calls in one turn the listing runs the first one twice: the node begins again from
        # its top at the second answer. `tool_interrupt` asks everything before it runs anything.
        run = start("dynamic", task("delete_file"))
        assert pending(run)[0].description == "Approve delete_file with args {'path': 'a.txt'}?"
        run = resume(decide(pending(run)[0], alice, kind))
        assert (EFFECTS, run.status) == (effects, "succeeded")

    def test_no_checkpointer_is_no_pitfall_here(self, start):
        assert start("tutorial", task("send_email")).status == "paused"

    def test_what_is_not_paused_cannot_be_resumed(self, start, resume, alice):
        run = start("tutorial", task("send_email"))
        ticket = decide(pending(run)[0], alice)
        resume(ticket)
        assert resume(ticket).status == "succeeded"
        assert EFFECTS == ["emailed boss@example.com"]
