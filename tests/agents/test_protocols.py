"""Each wire format is recognised, becomes tickets, and gets exactly the answer it waits for."""

from __future__ import annotations

import json

import pytest

from agents import protocols
from agents.errors import BadAnswer
from agents.protocols import Pause, Step
from approvals import arguments
from approvals.contract import Answer
from approvals.errors import InvalidArguments

CALL = {"name": "pay", "args": {"n": 1}, "id": "c1"}
TALK = [
    {"role": "user", "content": "pay", "name": None, "tool_calls": []},
    {"role": "agent", "content": "I pay.", "name": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
]
PER_CALL = {"type": "tool_approval", "tool_call_id": "c1", "name": "pay", "args": {"n": 1}}
BATCH = {
    "action_requests": [{"name": "pay", "args": {"n": 1}}, {"name": "pay", "args": {"n": 1}}],
    "review_configs": [{"action_name": "pay", "allowed_decisions": ["approve", "edit", "reject"]}] * 2,
}
CAMEL = {
    "actionRequests": [{"name": "pay", "args": {"n": 1}}],
    "reviewConfigs": [{"actionName": "pay", "allowedDecisions": ["approve", "edit", "reject"]}],
}
INBOX = {
    "action_request": {"action": "pay", "args": {"n": 1}},
    "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def pause(value=None, **facts):
    return Pause(**{"interrupt_id": "i", "node": "ask", "value": value, "conversation": TALK, **facts})


def request(n):
    return {"action": "pay", "args": {"n": n}}


def per_call_schema():
    """As the installed middleware writes it."""
    from langchain.agents.middleware import human_in_the_loop
    from langchain_core.tools import tool
    from pydantic import TypeAdapter

    @tool
    def pay(n: int) -> str:
        """Pay."""
        return ""

    kinds = ["approve", "edit", "reject", "respond"]
    return TypeAdapter(human_in_the_loop._decision_schema(kinds, "pay", pay)).json_schema()


def answered(given, *answers):
    return protocols.recognise(given).resume_value(given, list(answers))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (pause(PER_CALL), "hitl_per_call"),
        (pause(BATCH), "hitl_batched"),
        (pause(CAMEL), "hitl_batched"),
        (pause(INBOX), "agent_inbox"),
        (pause([INBOX]), "agent_inbox"),
        (pause(json.dumps(INBOX)), "agent_inbox"),
        (pause("How many?", response_schema={"type": "integer"}), "response_schema"),
        (pause({"tool": "pay", "arguments": {"n": 1}}), "action_dict"),
        (pause({"question": "Really?"}), "plain"),
        (pause("Really?"), "plain"),
        (pause(3), "plain"),
        (pause([]), "plain"),
        (pause(None), "plain"),
        (pause(is_breakpoint=True, steps=[Step(node="ask")]), "breakpoint"),
    ],
)
def test_a_format_is_recognised(given, name):
    wire = protocols.recognise(given)
    assert name == wire.NAME
    assert wire.to_actions(given)


class TestPerCall:
    def asked(self):
        return pause(PER_CALL, response_schema=per_call_schema())

    def test_the_ticket_carries_the_tools_own_schema(self):
        action = protocols.recognise(self.asked()).to_actions(self.asked())[0]
        assert action.args_schema["properties"]["n"]["type"] == "integer"
        assert action.allowed_decisions == ("approve", "edit", "reject", "respond")
        assert (action.tool_call_id, action.reasoning) == ("c1", "I pay.")

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (Answer(type="approve", args={"n": 1}), {"type": "approve"}),
            (Answer(type="reject", message="no"), {"type": "reject", "message": "no"}),
            (Answer(type="respond", message="done"), {"type": "respond", "message": "done"}),
            (
                Answer(type="edit", args={"n": 2}),
                {"type": "edit", "edited_action": {"name": "pay", "args": {"n": 2}}},
            ),
        ],
    )
    def test_each_decision_has_its_shape(self, answer, expected):
        assert answered(self.asked(), answer) == expected

    def test_arguments_that_do_not_validate_are_refused(self):
        with pytest.raises(BadAnswer):
            answered(self.asked(), Answer(type="edit", args={"n": "many"}))

    def test_a_deadline_is_not_told_as_a_persons_rejection(self):
        said = answered(self.asked(), Answer(type="reject", timed_out=True))
        assert said["type"] == "respond"
        assert "timed out" in said["message"]

    def test_a_decision_that_is_not_allowed_is_refused(self):
        only = {"type": "object", "properties": {"type": {"const": "approve"}}}
        with pytest.raises(BadAnswer, match="reject"):
            answered(pause(PER_CALL, response_schema=only), Answer(type="reject"))


class TestBatched:
    def test_identical_calls_get_their_own_ids(self):
        actions = protocols.recognise(pause(BATCH)).to_actions(pause(BATCH))
        assert [(a.position, a.tool_call_id) for a in actions] == [(0, "c1"), (1, "c2")]

    def test_answers_keep_their_order(self):
        given = answered(pause(BATCH), Answer(type="approve"), Answer(type="reject", message="no"))
        assert [d["type"] for d in given["decisions"]] == ["approve", "reject"]

    def test_a_wrong_count_is_refused(self):
        with pytest.raises(BadAnswer, match="2 decisions"):
            answered(pause(BATCH), Answer(type="approve"))

    def test_the_casing_is_kept(self):
        given = answered(pause(CAMEL), Answer(type="edit", args={"n": 2}))
        assert given["decisions"][0]["editedAction"]["args"] == {"n": 2}

    def test_what_does_not_fit_is_said_without_its_value(self):
        with pytest.raises(BadAnswer, match="/n must be a whole number") as refused:
            answered(pause(CAMEL, tool_schemas={"pay": SCHEMA}), Answer(type="edit", args={"n": "hunter2"}))
        assert "hunter2" not in str(refused.value)

    def test_edited_arguments_are_checked_because_the_middleware_does_not(self):
        with pytest.raises(BadAnswer, match="n"):
            answered(pause(CAMEL, tool_schemas={"pay": SCHEMA}), Answer(type="edit", args={"n": "x"}))


class TestAgentInbox:
    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (Answer(type="approve", args={"n": 1}), {"type": "accept", "args": request(1)}),
            (Answer(type="edit", args={"n": 2}), {"type": "edit", "args": request(2)}),
            (Answer(type="respond", message="hm"), {"type": "response", "args": "hm"}),
            (Answer(type="reject", message="no"), {"type": "response", "args": "no"}),
            (Answer(type="reject"), {"type": "ignore", "args": None}),
        ],
    )
    def test_each_decision_has_its_shape(self, answer, expected):
        assert answered(pause(INBOX), answer) == [expected]

    def test_a_type_the_config_forbids_is_never_sent(self):
        strict = {**INBOX, "config": {"allow_accept": True}}
        with pytest.raises(BadAnswer, match="ignore"):
            answered(pause(strict), Answer(type="reject"))


class TestPlain:
    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (Answer(type="approve"), True),
            (Answer(type="reject", message="no"), False),
            (Answer(type="reject", timed_out=True), False),
            (Answer(type="respond", message="blue"), "blue"),
            (Answer(type="respond", message='{"n": 1}'), {"n": 1}),
        ],
    )
    def test_each_decision_has_its_value(self, answer, expected):
        assert answered(pause("Really?"), answer) == expected

    @pytest.mark.parametrize(("kind", "word"), [("approve", "approved"), ("reject", "rejected")])
    def test_the_registry_names_the_words(self, kind, word):
        words = {"approve": "approved", "reject": "rejected"}
        assert answered(pause("Really?", words=words), Answer(type=kind)) == word


def test_an_action_dict_is_answered_with_its_arguments():
    asked = pause({"action": "pay", "args": {"n": 1}})
    edited = answered(asked, Answer(type="edit", args={"n": 2}))
    assert edited == {"approved": True, "args": {"n": 2}, "message": ""}
    assert answered(asked, Answer(type="reject", message="no")) == {
        "approved": False,
        "args": {"n": 1},
        "message": "no",
    }


BESIDE = {"action": "pay", "args": {"n": 1}, "to": "eve", "n": 1_000_000, "tool": "wipe", "message": "Pay?"}


class TestWhatLiesBesideAnAction:
    def test_it_is_shown_and_weighed(self):
        [action] = protocols.to_actions(pause(BESIDE))
        assert action.args == {"n": 1, "to": "eve", "n (beside)": 1_000_000, "tool": "wipe"}
        assert (action.description, action.tool_call_id) == ("Pay?", "c1")

    def test_nobody_edits_it(self):
        [action] = protocols.to_actions(pause(BESIDE))
        with pytest.raises(InvalidArguments):
            arguments.check_schema({**action.args, "to": "bob"}, action.args_schema)

    def test_the_graph_gets_the_arguments_alone(self):
        edited = {"n": 2, "to": "eve", "n (beside)": 1_000_000, "tool": "wipe"}
        assert answered(pause(BESIDE), Answer(type="edit", args=edited))["args"] == {"n": 2}


def test_a_response_must_fit_the_schema():
    asked = pause("How many?", response_schema={"type": "integer"})
    assert answered(asked, Answer(type="respond", message="3")) == 3
    with pytest.raises(BadAnswer):
        answered(asked, Answer(type="respond", message="three"))


def test_a_breakpoint_refuses_unknown_state():
    asked = pause(is_breakpoint=True, steps=[Step(node="ask", state={"text": "a"})])
    with pytest.raises(BadAnswer, match="other"):
        answered(asked, Answer(type="edit", args={"other": 1}))
