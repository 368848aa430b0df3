"""A registry entry says what a pause proposes and how it is answered; the graph's code stays as it is."""

from __future__ import annotations

import pytest
from django.core import mail

from agents import asks, protocols
from agents.asks import Ask
from agents.errors import BadAnswer
from agents.models import DemoTransfer
from agents.protocols import Pause
from approvals import deadlines
from approvals.contract import Answer
from approvals.models import Ticket
from tests.factories import decide, make_policy, overdue

CALL = {"name": "pay", "args": {"n": 1}, "id": "c1"}
TALK = [{"role": "agent", "content": "I pay.", "name": None, "tool_calls": [CALL]}]
WORDS = {"approve": "approved", "reject": "rejected: {message}"}
TRANSFER = {"messages": [{"role": "user", "content": "transfer 250 to bob"}]}
PATTERN = r"Delete user account #(?P<account>\d+)\."


def pause(value="Really?", **facts):
    return Pause(**{"interrupt_id": "i", "node": "ask", "value": value, **facts})


def proposed(*given, **facts):
    [action] = protocols.to_actions(pause(*given, **facts))
    return action


def answered(answer, **facts):
    return protocols.resume_value(pause(**facts), [answer])


class TestActions:
    def test_a_question_is_about_the_tool_call_that_waits(self):
        action = proposed(ask=Ask(call=True), conversation=TALK)
        assert (action.action, action.args, action.tool_call_id) == ("pay", {"n": 1}, "c1")
        assert action.description == "Really?"

    @pytest.mark.parametrize("calls", [[], [CALL, {**CALL, "id": "c2"}]])
    def test_without_one_call_that_waits_it_stays_a_question(self, calls):
        action = proposed(ask=Ask(call=True), conversation=[{**TALK[0], "tool_calls": calls}])
        assert (action.action, action.args) == ("ask", {"question": "Really?"})

    def test_an_answered_call_does_not_wait(self):
        done = {"role": "tool", "content": "paid", "name": "pay", "tool_calls": [], "tool_call_id": "c1"}
        assert proposed(ask=Ask(call=True), conversation=[*TALK, done]).action == "ask"

    def test_a_pattern_reads_the_arguments(self):
        action = proposed("Delete user account #12345.", ask=Ask(action="delete_user", pattern=PATTERN))
        assert (action.action, action.args) == ("delete_user", {"account": "12345"})

    def test_a_pattern_may_read_the_action(self):
        ask = Ask(pattern=r"Approve this action: (?P<action>\w+) of (?P<what>.+)")
        action = proposed("Approve this action: deletion of everything", ask=ask)
        assert (action.action, action.args) == ("deletion", {"what": "everything"})

    @pytest.mark.parametrize("said", ["Delete user account #12345. And #1.", "delete user account #1.", 3, {"a": 1}])
    def test_a_pattern_must_fit_the_whole_question(self, said):
        args = said if isinstance(said, dict) else {"question": said}
        assert proposed(said, ask=Ask(pattern=PATTERN)).args == args

    def test_every_node_may_be_meant(self):
        assert asks.of({"*": Ask(action="publish")}, "anywhere").action == "publish"

    def test_the_agents_own_words_come_with_it(self):
        said = {"question": "Now?", "reasoning": "It is due.", "confidence": 0.4, "best_guess": "yes"}
        action = proposed(said)
        assert (action.description, action.reasoning) == ("Now?", "It is due.")
        assert (action.confidence, action.best_guess) == (0.4, "yes")

    def test_evidence_and_the_case_for_and_against_are_the_agent_s_words_and_no_arguments(self):
        said = {"evidence": ["an invoice"], "case_for": "It is due.", "case_against": "The payee is new."}
        action = proposed({"action": "pay", "args": {"to": "bob"}, **said})
        assert (action.args, action.evidence) == ({"to": "bob"}, ["an invoice"])
        assert (action.case_for, action.case_against) == ("It is due.", "The payee is new.")

    @pytest.mark.parametrize("confidence", [2, -1, "high", True, None])
    def test_what_is_no_confidence_is_none(self, confidence):
        assert proposed({"question": "Now?", "confidence": confidence}).confidence is None

    def test_what_is_not_json_is_shown_as_text(self):
        assert proposed({"when": {1, 2}}).args == {"when": "{1, 2}"}


class TestWords:
    @pytest.mark.parametrize(
        ("answer", "word"),
        [
            (Answer(type="approve"), "approved"),
            (Answer(type="reject", message="wrong account"), "rejected: wrong account"),
            (Answer(type="reject"), "rejected"),
        ],
    )
    def test_a_reason_is_told_where_the_entry_asks_for_it(self, answer, word):
        assert answered(answer, words=WORDS) == word

    def test_a_deadline_has_a_word_of_its_own(self):
        late = Answer(type="reject", message="Timed out", timed_out=True)
        assert answered(late, words={**WORDS, "timeout": "late"}) == "late"

    def test_a_word_may_be_any_json(self):
        words = {"approve": {"ok": True, "with": "{args}"}, "reject": {"ok": False, "why": ["{message}"]}}
        asked = {"value": {"action": "pay", "args": {"n": 1}}, "words": words}
        assert answered(Answer(type="edit", args={"n": 2}), **asked) == {"ok": True, "with": {"n": 2}}
        assert answered(Answer(type="reject", message="no"), **asked) == {"ok": False, "why": ["no"]}

    def test_an_edit_is_only_offered_where_a_word_carries_it(self):
        value = {"action": "pay", "args": {"n": 1}}
        assert proposed(value, words=WORDS).allowed_decisions == ("approve", "reject")
        assert "edit" in proposed(value, words={"approve": "{args}"}).allowed_decisions

    def test_free_words_are_only_offered_where_a_word_carries_them(self):
        assert proposed(words=WORDS).allowed_decisions == ("approve", "reject")
        assert (
            answered(Answer(type="respond", message="blue"), words={**WORDS, "respond": "say {message}"}) == "say blue"
        )
        with pytest.raises(BadAnswer, match="respond"):
            answered(Answer(type="respond", message="blue"), words=WORDS)


@pytest.mark.django_db(transaction=True)
class TestBuiltIn:
    """The project's own graphs show the patterns at their best."""

    def test_decide_execute_asks_about_the_tool_and_its_arguments(self, start):
        start("decide_execute", {"request": "transfer 250 to bob"})
        ticket = Ticket.objects.get()
        assert (ticket.action, ticket.args) == ("transfer_money", {"amount": 250, "to": "bob"})
        assert ticket.description == "Approve this action: Transfer 250 to bob"
        assert ticket.allowed_decisions == ["approve", "reject"]

    def test_decide_execute_tells_its_result(self, start, resume, alice):
        start("decide_execute", {"request": "transfer 250 to bob"})
        resume(decide(Ticket.objects.get(), alice))
        ticket = Ticket.objects.get()
        assert (ticket.execution, DemoTransfer.objects.count()) == ("succeeded", 1)
        assert "whose balance is now 250.00" in ticket.result

    def test_decide_execute_plans_again_with_the_reviewers_reason(self, start, resume, alice):
        start("decide_execute", {"request": "transfer 250 to bob"})
        run = resume(decide(Ticket.objects.get(), alice, "reject", message="Too much. transfer 100 to bob"))
        said = [turn["content"] for turn in run.transcript if turn["role"] == "user"]
        assert said[-1] == "A reviewer rejected “Transfer 250 to bob”: Too much. transfer 100 to bob"
        assert run.status == "paused"

    def test_decide_execute_asks_three_times_and_then_ends(self, start, resume, alice):
        run = start("decide_execute", {"request": "transfer 250 to bob"})
        for _ in range(3):
            run = resume(decide(Ticket.objects.pending().get(), alice, "reject", message="no"))
        assert (run.status, Ticket.objects.count(), DemoTransfer.objects.count()) == ("succeeded", 3, 0)
        assert run.output == "Asked 3 times and never approved, so this was not done: Transfer 250 to bob."

    def test_tool_interrupt_shows_the_tools_schema_and_tells_its_result(self, start, resume, alice):
        start("tool_interrupt", TRANSFER)
        ticket = Ticket.objects.get()
        assert (ticket.action, ticket.args_schema["properties"]["amount"]["exclusiveMinimum"]) == ("transfer_money", 0)
        resume(decide(ticket, alice, "edit", args={"amount": 7, "to": "bob"}))
        assert "whose balance is now 7.00" in Ticket.objects.get().result

    def test_agent_inbox_offers_what_its_config_allows(self, start, resume, alice):
        start("agent_inbox", {"messages": [{"role": "user", "content": "purge account acme"}]})
        assert Ticket.objects.get().allowed_decisions == ["approve", "reject"]
        run = resume(decide(Ticket.objects.get(), alice, "reject"))
        assert "A reviewer left this undone." in run.output

    def test_agent_inbox_takes_a_persons_words_for_the_result(self, start, resume, alice):
        start("agent_inbox", TRANSFER)
        run = resume(decide(Ticket.objects.get(), alice, "respond", message="Paid by hand."))
        assert "Paid by hand." in run.output
        assert DemoTransfer.objects.count() == 0

    def test_clarify_asks_with_its_best_guess(self, start, resume, alice):
        start("clarify", {"messages": [{"role": "user", "content": "the usual"}]})
        ticket = Ticket.objects.get()
        assert (ticket.action, ticket.best_guess) == ("clarify", "search the usual")
        assert ticket.allowed_decisions == ["approve", "reject", "respond"]
        run = resume(decide(ticket, alice, "respond", message="the blue one"))
        assert (run.status, "the blue one" in run.output) == ("succeeded", True)
        assert Ticket.objects.get().execution == "not_started"

    def test_clarify_goes_on_with_its_best_guess_at_the_deadline_and_says_so(self, start, resume):
        make_policy("Free", action="search", gate="auto", risk="low")
        start("clarify", {"messages": [{"role": "user", "content": "the usual"}]})
        overdue(Ticket.objects.get())
        deadlines.expire_overdue()
        run = resume(Ticket.objects.get())
        said = [turn["content"] for turn in run.transcript if turn["role"] == "tool"]
        assert said[:1] == ["Nobody answered in time, so this is your own best guess: search the usual"]
        assert run.status == "succeeded"

    def test_email_draft_puts_only_the_draft_up_for_review(self, start):
        start("email_draft", {"request": "email bob@example.com subject Hi body Hello"})
        ticket = Ticket.objects.get()
        assert ticket.action == "send_email"
        assert ticket.args == {"to": "bob@example.com", "subject": "Hi", "body": "Hello"}
        assert ticket.args_schema["properties"]["subject"]["maxLength"] == 200

    def test_email_draft_tells_its_result(self, start, resume, alice):
        start("email_draft", {"request": "email bob@example.com subject Hi body Hello"})
        draft = {"to": "bob@example.com", "subject": "Good day", "body": "Hello"}
        resume(decide(Ticket.objects.get(), alice, "edit", args=draft))
        assert Ticket.objects.get().result == 'Email "Good day" sent to bob@example.com.'
        assert [sent.subject for sent in mail.outbox] == ["Good day"]


def test_a_pattern_cannot_be_held_up_by_the_question():
    assert asks.groups("(a+)+b", "a" * 60) == {}
    assert asks.groups("(?P<action>a+)+", "aaa") == {"action": "aaa"}
