"""No answer that a graph would choke on reaches it, whatever is thrown at a format; the good one still works."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agents import checkpoints, protocols
from agents.errors import BadAnswer
from agents.protocols import Step
from agents.protocols.breakpoint import Verdict
from approvals.contract import Answer
from approvals.errors import ApprovalError
from approvals.models import Ticket
from tests.agents.test_protocols import BATCH, CAMEL, INBOX, PER_CALL, SCHEMA, pause, per_call_schema
from tests.factories import decide

CALLS = [{"name": "pay", "args": {"n": n}, "id": f"c{n}"} for n in (1, 2)]
STRICT = {**INBOX, "config": {"allow_accept": True, "allow_respond": True}}
KINDS = ("approve", "edit", "reject", "respond")


DECISION = per_call_schema()
DECISIONS, ARGUMENTS = Draft202012Validator(DECISION), Draft202012Validator(SCHEMA)


def are_decisions(key, allowed):
    def check(value):
        made = value["decisions"]
        edits = [decision[key]["args"] for decision in made if decision["type"] == "edit"]
        fits = all(map(ARGUMENTS.is_valid, edits))
        return set(value) == {"decisions"} and fits and all(decision["type"] in allowed for decision in made)

    return check


def are_responses(value):
    [response] = value
    args = {"accept": type(None), "response": str}
    return set(response) == {"type", "args"} and isinstance(response["args"], args[response["type"]])


def is_verdict(value):
    named = [*value.run, *value.refuse, *value.reply]
    return sorted(named) == ["c1", "c2"] and all(map(ARGUMENTS.is_valid, value.run.values()))


def is_state(value):
    return value.stop or ARGUMENTS.is_valid({"n": 1, **value.update})


def is_approval(value):
    shape = {"approved": bool, "args": dict, "message": str}
    return ARGUMENTS.is_valid(value["args"]) and all(isinstance(value[key], kind) for key, kind in shape.items())


TOOLS = {"pay": SCHEMA}
#: A pause in each format, what its graph can take, and a good answer with what it must become.
FORMATS = {
    "hitl_per_call": (
        pause(PER_CALL, response_schema=DECISION),
        DECISIONS.is_valid,
        [Answer(type="approve")],
        {"type": "approve"},
    ),
    "hitl_batched": (
        pause(BATCH, tool_schemas=TOOLS),
        are_decisions("edited_action", KINDS[:3]),
        [Answer(type="approve"), Answer(type="reject", message="no")],
        {"decisions": [{"type": "approve"}, {"type": "reject", "message": "no"}]},
    ),
    "hitl_batched in JavaScript": (
        pause(CAMEL, tool_schemas=TOOLS),
        are_decisions("editedAction", KINDS[:3]),
        [Answer(type="approve")],
        {"decisions": [{"type": "approve"}]},
    ),
    "agent_inbox": (pause([STRICT]), are_responses, [Answer(type="approve")], [{"type": "accept", "args": None}]),
    "response_schema": (
        pause("How many?", response_schema=SCHEMA),
        ARGUMENTS.is_valid,
        [Answer(type="respond", message='{"n": 3}')],
        {"n": 3},
    ),
    "action_dict": (
        pause({"action": "pay", "args": {"n": 1}}, tool_schemas=TOOLS),
        is_approval,
        [Answer(type="approve")],
        {"approved": True, "args": {"n": 1}, "message": ""},
    ),
    "breakpoint": (
        pause(is_breakpoint=True, tool_calls=CALLS, tool_schemas=TOOLS),
        is_verdict,
        [Answer(type="approve"), Answer(type="respond", message="by hand")],
        Verdict(run={"c1": {"n": 1}}, refuse={}, reply={"c2": "by hand"}, update={}),
    ),
    "breakpoint before another node": (
        pause(is_breakpoint=True, steps=[Step(node="ask", state={"n": 1})], tool_schemas={"ask": SCHEMA}),
        is_state,
        [Answer(type="edit", args={"n": 2})],
        Verdict(run={}, refuse={}, reply={}, update={"n": 2}),
    ),
    "plain": (
        pause("Really?"),
        lambda value: isinstance(value, bool | str | dict | list),
        [Answer(type="approve")],
        True,
    ),
    "plain with words": (
        pause("Really?", words={"approve": "approved", "reject": "rejected"}),
        lambda value: value in {"approved", "rejected"},
        [Answer(type="reject", message="no")],
        "rejected",
    ),
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["n", "m", ""]), inner, max_size=3),
    max_leaves=5,
)
ANSWERS = st.lists(
    st.builds(
        Answer,
        type=st.sampled_from([*KINDS, "", "maybe"]),
        args=st.none() | st.dictionaries(st.sampled_from(["n", "m"]), VALUES, max_size=2) | VALUES,
        message=st.text(max_size=8) | st.sampled_from(['{"n": 1}', '{"n": "x"}', "[", "NaN", "[" * 5000]),
        timed_out=st.booleans(),
    ),
    max_size=3,
)


@settings(max_examples=1000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers=ANSWERS)
def test_a_thousand_bad_answers_are_refused_or_made_fit(answers):
    for name, (asked, fits, _, _) in FORMATS.items():
        try:
            value = protocols.resume_value(asked, answers)
        except BadAnswer:
            continue
        assert fits(value), (name, answers, value)


@pytest.mark.parametrize("name", FORMATS)
def test_the_good_answer_gets_through(name):
    asked, fits, good, expected = FORMATS[name]
    assert protocols.resume_value(asked, good) == expected
    assert fits(expected)


#: Of each kind of graph: the input, and the good decision at the end.
THREADS = {
    "stacked": ({"type": "edit", "args": {"quantity": 3, "item": "pens"}}, "order"),
    "stacked_batch": ({"type": "edit", "args": {"quantity": 3, "item": "pens"}}, "order"),
    "agent_breakpoint": ({"type": "edit", "args": {"quantity": 3, "item": "pens"}}, "order"),
    "typed": ({"type": "respond", "args": {"city": "Rome", "days": 3}}, "ask"),
    "shaped": ({"type": "respond", "message": "4"}, "ask"),
}
TASK = {"messages": [{"role": "user", "content": "go"}]}


def bad_decision(chance):
    """Something that no schema of these graphs takes."""
    args = [None, [], 3, "x", {}, {"quantity": "many", "item": "pens"}, {"city": "", "days": 0}, {"n": float("nan")}]
    words = ["", " ", "x", "{}", "-1", '{"city":"Rome"}', "NaN", "\ud800"]
    kind = chance.choice(["edit", "respond", "", "maybe", "accept"])
    if kind == "respond":
        return {"type": kind, "message": chance.choice(["", " "])}
    return {"type": kind, "args": chance.choice(args), "message": chance.choice(words)}


@pytest.mark.parametrize("graph", THREADS)
@pytest.mark.django_db(transaction=True)
def test_after_many_bad_decisions_the_good_one_still_works(start, resume, alice, graph):
    good, action = THREADS[graph]
    run, chance = start(graph, TASK if action == "order" else None), random.Random(graph)
    first = Ticket.objects.filter(thread_id=run.thread_id).order_by("id").first()
    for _ in range(30):
        with pytest.raises(ApprovalError):
            decide(first, alice, **bad_decision(chance))
    decide(first, alice, **good)
    for other in Ticket.objects.filter(thread_id=run.thread_id).pending():
        decide(other, alice)
    for ticket in Ticket.objects.filter(thread_id=run.thread_id):
        run = resume(ticket)
    assert (run.status, run.error) == ("succeeded", "")


UNKEEPABLE = {"a huge number": "[12345678901234567890123]", "too deep": "[" * 300 + "]" * 300, "no number": "[NaN]"}


@pytest.mark.parametrize("name", UNKEEPABLE)
@pytest.mark.django_db(transaction=True)
def test_words_that_no_checkpoint_keeps_are_refused_while_the_question_is_open(start, resume, alice, name):
    start("two_questions")
    with pytest.raises(ApprovalError):
        decide(Ticket.objects.get(), alice, "respond", message=UNKEEPABLE[name])
    assert resume(decide(Ticket.objects.get(), alice, "respond", message="[1]")).status == "paused"


@pytest.mark.parametrize("words", [*UNKEEPABLE.values(), "[" * 5000 + "]" * 5000, "[" + "9" * 5000 + "]"])
def test_words_that_come_all_the_same_stay_text(words):
    assert protocols.resume_value(pause("Which?"), [Answer(type="respond", message=words)]) == words


@pytest.mark.parametrize("value", [2**70, {"a": 2**70}, [object()]])
def test_an_answer_that_the_saver_cannot_keep_is_refused(value):
    with pytest.raises(BadAnswer, match="cannot be stored"):
        checkpoints.check_answer(value)
