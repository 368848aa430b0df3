"""What a run is said to have ended with."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agents import outcomes, transcripts

ASKED = HumanMessage("pay bob")
CALLED = AIMessage("", tool_calls=[{"name": "pay", "args": {"to": "bob"}, "id": "1"}])
PAID = ToolMessage("paid bob", tool_call_id="1")


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([ASKED, CALLED, PAID, AIMessage("Done.")], "Done."),
        ([ASKED, CALLED, PAID], "paid bob"),
        ([ASKED, CALLED, PAID, AIMessage("")], "paid bob"),
        ([ASKED, AIMessage("")], ""),
    ],
    ids=["the agent's", "its tool's", "silence has none", "nobody's"],
)
def test_a_run_ended_with_its_last_words(messages, words):
    assert transcripts.output({"messages": messages}) == words


def test_a_person_s_words_are_not_the_answer():
    assert transcripts.output({"messages": [AIMessage("Done."), ASKED]}) == "Done."


def _inside_itself():
    values = []
    values.append(values)
    return values


@pytest.mark.parametrize(
    "value",
    [{(1, 2): "three"}, _inside_itself(), {"a": float("nan"), ("b",): 1}],
    ids=["no words for keys", "inside itself", "no number"],
)
def test_what_json_cannot_hold_is_told_all_the_same(value):
    assert transcripts.plain(value)


def test_a_result_that_breaks_when_it_is_read_is_still_on_record_as_done():
    class Broken:
        def __str__(self):
            raise RuntimeError("no words")

    assert outcomes.told({"found": Broken()}) == outcomes.NOT_SHOWN
