"""What a run is said to have ended with."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agents import transcripts

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
