"""The scripted model: sentences become calls, one turn after another, and results are told honestly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from agents.models_offline import LABEL, ScriptedChatModel, account, parse, reply

TOOLS = (
    "search",
    "read_file",
    "send_email",
    "create_order",
    "delete_data",
    "transfer_money",
    "purge_account",
    "ask",
)


def calls(text):
    return [[(call.tool, call.args) for call in turn] for turn in parse(text).turns]


@pytest.mark.parametrize(
    ("text", "tool", "args"),
    [
        ("search open invoices", "search", {"query": "open invoices"}),
        ("read handbook.md", "read_file", {"path": "handbook.md"}),
        (
            "email alice@example.com subject Hi there body Hello, Alice.",
            "send_email",
            {"to": "alice@example.com", "subject": "Hi there", "body": "Hello, Alice."},
        ),
        ("order 3 blue pens", "create_order", {"quantity": 3, "item": "blue pens"}),
        ("delete data report-7", "delete_data", {"name": "report-7"}),
        ("transfer 250 to bob", "transfer_money", {"amount": 250, "to": "bob"}),
        ("transfer 19.95 to bob", "transfer_money", {"amount": 19.95, "to": "bob"}),
        ("purge account acme", "purge_account", {"name": "acme"}),
        ("ask Which quarter?", "ask", {"question": "Which quarter?"}),
        ("Please Transfer 250 to bob.", "transfer_money", {"amount": 250, "to": "bob"}),
    ],
)
def test_a_sentence_becomes_a_call(text, tool, args):
    assert calls(text) == [[(tool, args)]]


def test_then_makes_one_turn_after_another():
    text = "email alice@example.com subject Hi body Hello, then delete data report-7"
    assert [[tool for tool, _ in turn] for turn in calls(text)] == [["send_email"], ["delete_data"]]


def test_and_also_puts_two_calls_in_one_turn():
    text = "transfer 5 to bob, and also order 2 pens, then search pens"
    assert [[tool for tool, _ in turn] for turn in calls(text)] == [
        ["transfer_money", "create_order"],
        ["search"],
    ]


def test_a_then_inside_free_text_stays_text():
    [[(_, args)]] = calls("email a@example.com subject Plan body First wait, then reply")
    assert args["body"] == "First wait, then reply"


@pytest.mark.parametrize(
    "text",
    ["hello", "transfer lots to bob", "transfer 5 to bob, then dance", "order 2", "transfer -5 to bob", ""],
)
def test_a_task_that_is_only_half_understood_has_no_calls(text):
    assert parse(text).turns == ()


@given(st.text())
def test_any_text_can_be_parsed(text):
    plan = parse(text)
    assert bool(plan.turns) or plan.unread == plan.unread.strip()


names = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,20}\Z")


@given(st.integers(0, 10**9), names, names)
def test_what_was_written_is_what_is_called(amount, to, item):
    expected = [
        [("transfer_money", {"amount": amount, "to": to})],
        [("create_order", {"quantity": amount % 1000, "item": item})],
    ]
    assert calls(f"transfer {amount} to {to}, then order {amount % 1000} {item}") == expected


def human(text, id="m1"):
    return HumanMessage(text, id=id)


def result(message, text="done", status="success", position=0):
    call = message.tool_calls[position]
    return ToolMessage(text, name=call["name"], tool_call_id=call["id"], status=status)


def test_the_next_turn_comes_after_the_result_of_the_one_before():
    talk = [human("transfer 5 to bob, then search bob")]
    first = reply(talk, tools=TOOLS)
    second = reply([*talk, first, result(first)], tools=TOOLS)
    last = reply([*talk, first, result(first), second, result(second, "bob: 5")], tools=TOOLS)
    assert [first.tool_calls[0]["name"], second.tool_calls[0]["name"]] == ["transfer_money", "search"]
    assert not last.tool_calls
    assert "search: bob: 5" in last.text


def test_a_new_task_begins_after_the_results_of_an_old_one():
    first = reply([human("search a")], tools=TOOLS)
    again = reply([human("search a"), first, result(first), human("search b", "m2")], tools=TOOLS)
    assert again.tool_calls[0]["args"] == {"query": "b"}


def test_call_ids_repeat_for_the_same_conversation_and_differ_otherwise():
    def first_id(message):
        return reply([message], tools=TOOLS).tool_calls[0]["id"]

    assert first_id(human("search a")) == first_id(human("search a"))
    assert first_id(human("search a")) != first_id(human("search a", "m2"))


def test_calls_of_one_turn_have_different_ids():
    message = reply([human("search a, and also search a")], tools=TOOLS)
    assert len({call["id"] for call in message.tool_calls}) == 2


def test_it_gives_its_reason_beside_the_call():
    message = reply([human("transfer 250 to bob")], tools=TOOLS)
    assert message.text.startswith("The task asks to transfer 250 to bob.")


@pytest.mark.parametrize("text", ["hello", "search a", ""])
def test_every_message_says_that_it_is_no_language_model(text):
    assert LABEL in reply([human(text)], tools=TOOLS).text


def test_a_tool_it_was_not_given_is_not_called():
    message = reply([human("transfer 5 to bob")], tools=("search",))
    assert not message.tool_calls
    assert "transfer_money" in message.text


def test_without_a_task_it_says_so():
    assert "no task" in reply([SystemMessage("be kind")], tools=TOOLS).text


def told(text, status="success"):
    return account(ToolMessage(text, name="transfer_money", tool_call_id="c1", status=status))


def test_a_rejection_is_told_with_its_reason():
    text = "User rejected the tool call for `transfer_money` with reason: wrong account"
    assert told(text, "error") == "transfer_money was rejected, so nothing was done. Reason: wrong account"


def test_a_timeout_is_not_told_as_a_rejection():
    text = "User rejected the tool call for `transfer_money` with reason: Timed out: nobody decided."
    assert "rejected" not in told(text, "error")


def test_an_edit_is_told_with_what_ran():
    text = (
        "Note: a human reviewer replaced this tool call before it ran. Executed instead: transfer_money with "
        'arguments {"amount": 100, "to": "bob"}.\n\nTool response:\nTransfer 1: 100.00 to bob.'
    )
    assert told(text) == (
        "A reviewer changed the call before it ran, to transfer_money with arguments "
        '{"amount": 100, "to": "bob"}. '
        "Result: Transfer 1: 100.00 to bob."
    )


def test_an_error_is_told_as_not_done():
    assert told("The treasury is empty.", "error") == "transfer_money was not done: The treasury is empty."


async def test_bound_tools_can_be_called_also_without_a_thread():
    model = ScriptedChatModel().bind_tools([{"type": "function", "function": {"name": "search"}}])
    message = await model.ainvoke([human("search a")])
    assert isinstance(message, AIMessage)
    assert message.tool_calls[0]["name"] == "search"
