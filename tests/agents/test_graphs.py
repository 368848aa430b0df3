"""Each built-in graph with LangGraph's own in-memory saver: it pauses, and does what people answer."""

from __future__ import annotations

import importlib
import uuid

import jsonschema
import pytest
from django.core import mail
from langchain_core.messages import ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph
from langgraph.types import Command

from agents import chat_models, tools
from agents.database import in_thread
from agents.models import DemoOrder, DemoTransfer
from tests.stubs.providers import Fault, provider

NEWER = ("tool_interrupt", "clarify", "agent_inbox")
GRAPHS = ("operations", "batch", "decide_execute", "email_draft", "tool_review", *NEWER)

# Tools run in threads of their own, so what they write has to be committed to be seen here.
books = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path


class Session:
    """One thread of one graph."""

    def __init__(self, name, model="scripted"):
        self.config = {"configurable": {"thread_id": uuid.uuid4().hex, "model": model}}
        built = importlib.import_module(f"agents.graphs.{name}").graph(self.config)
        saver = InMemorySaver()
        if isinstance(built, StateGraph):
            self.graph = built.compile(checkpointer=saver)
        else:
            self.graph = built.copy({"checkpointer": saver})

    async def start(self, value):
        payload = {"messages": [{"role": "user", "content": value}]} if isinstance(value, str) else value
        return await self.graph.ainvoke(payload, self.config)

    async def answer(self, value, position=0):
        interrupt = (await self.interrupts())[position]
        return await self.graph.ainvoke(Command(resume={interrupt.id: value}), self.config)

    async def go_on(self):
        return await self.graph.ainvoke(None, self.config)

    async def interrupts(self):
        return (await self.graph.aget_state(self.config)).interrupts

    async def state(self):
        return (await self.graph.aget_state(self.config)).values

    async def next(self):
        return (await self.graph.aget_state(self.config)).next


def last(state):
    return state["messages"][-1].text


async def transfers():
    return await in_thread(lambda: [(row.account.name, row.amount) for row in DemoTransfer.objects.all()])


@pytest.mark.parametrize("name", GRAPHS)
async def test_a_graph_describes_itself(name):
    module = importlib.import_module(f"agents.graphs.{name}")
    assert module.__doc__
    assert module.MESSAGE_KEY in module.INPUT_SCHEMA["properties"]
    jsonschema.Draft202012Validator.check_schema(module.INPUT_SCHEMA)


@books
async def test_operations_pauses_before_a_transfer_and_pays_once_approved():
    session = Session("operations")
    await session.start("transfer 250 to bob")
    [pause] = await session.interrupts()
    assert pause.value["name"] == "transfer_money"
    assert pause.value["description"] == "Transfer 250 to bob"
    assert await transfers() == []
    done = await session.answer({"type": "approve"})
    assert await transfers() == [("bob", 250)]
    assert "whose balance is now 250.00" in last(done)


async def test_operations_gives_the_form_of_the_tool():
    session = Session("operations")
    await session.start("transfer 250 to bob")
    [pause] = await session.interrupts()
    assert '"exclusiveMinimum": 0' in str(pause.response_schema).replace("'", '"')


@books
async def test_operations_pays_what_a_reviewer_changed_it_to():
    session = Session("operations")
    await session.start("transfer 250 to bob")
    edit = {"type": "edit", "edited_action": {"name": "transfer_money", "args": {"amount": 100, "to": "bob"}}}
    done = await session.answer(edit)
    assert await transfers() == [("bob", 100)]
    assert "A reviewer changed the call" in last(done)


@books
async def test_operations_does_not_pay_what_was_rejected_and_says_why():
    session = Session("operations")
    await session.start("transfer 250 to bob")
    done = await session.answer({"type": "reject", "message": "wrong account"})
    assert await transfers() == []
    assert "was rejected, so nothing was done. Reason: wrong account" in last(done)


async def test_operations_takes_a_persons_answer_as_the_result():
    session = Session("operations")
    await session.start("ask Which quarter?")
    assert "ask: The third." in last(await session.answer({"type": "respond", "message": "The third."}))


@books
async def test_operations_does_one_step_after_another():
    session = Session("operations")
    await session.start("order 2 pens, then transfer 5 to bob")
    await session.answer({"type": "approve"})
    [pause] = await session.interrupts()
    assert pause.value["name"] == "transfer_money"
    await session.answer({"type": "approve"})
    assert await in_thread(DemoOrder.objects.count) == 1
    assert await transfers() == [("bob", 5)]


@books
async def test_operations_opens_one_pause_for_each_call_of_a_turn():
    session = Session("operations")
    await session.start("order 2 pens, and also transfer 5 to bob")
    assert len(await session.interrupts()) == 2
    await session.answer({"type": "approve"}, position=1)
    [left] = await session.interrupts()
    assert left.value["name"] == "create_order"


@books
async def test_batch_opens_one_pause_for_all_calls_of_a_turn():
    session = Session("batch")
    await session.start("order 2 pens, and also transfer 5 to bob")
    [pause] = await session.interrupts()
    assert [action["name"] for action in pause.value["action_requests"]] == ["create_order", "transfer_money"]
    done = await session.answer({"decisions": [{"type": "reject", "message": "no pens"}, {"type": "approve"}]})
    assert await in_thread(DemoOrder.objects.count) == 0
    assert await transfers() == [("bob", 5)]
    assert "no pens" in last(done)


@books
async def test_decide_execute_asks_and_executes():
    session = Session("decide_execute")
    await session.start({"request": "transfer 250 to bob"})
    [pause] = await session.interrupts()
    assert pause.value == "Approve this action: Transfer 250 to bob"
    done = await session.answer("approved")
    assert await transfers() == [("bob", 250)]
    assert "whose balance is now 250.00" in done["result"]


@books
async def test_decide_execute_asks_again_three_times_at_most():
    session = Session("decide_execute")
    await session.start({"request": "transfer 250 to bob"})
    questions = []
    while pauses := await session.interrupts():
        questions.append(pauses[0].value)
        done = await session.answer("rejected")
    assert len(questions) == 3
    assert questions[2].endswith("(asked again, 3 of 3)")
    assert done["result"] == "Asked 3 times and never approved, so this was not done: Transfer 250 to bob."
    assert await transfers() == []


@books
async def test_decide_execute_pays_once_when_approved_after_a_rejection():
    session = Session("decide_execute")
    await session.start({"request": "transfer 250 to bob"})
    await session.answer("rejected")
    await session.answer("approved")
    assert await transfers() == [("bob", 250)]


@books
@pytest.mark.parametrize("answer", ["transfer 100 to bob", "rejected: transfer 100 to bob"])
async def test_decide_execute_plans_from_what_a_reviewer_says(answer):
    session = Session("decide_execute")
    await session.start({"request": "transfer 250 to bob"})
    await session.answer(answer)
    [pause] = await session.interrupts()
    assert pause.value.startswith("Approve this action: Transfer 100 to bob")
    await session.answer("approved")
    assert await transfers() == [("bob", 100)]


async def test_decide_execute_reads_the_reason_and_asks_again():
    session = Session("decide_execute")
    await session.start({"request": "transfer 250 to bob"})
    state = await session.answer("rejected: wrong account")
    assert state["messages"][-2].text == "A reviewer rejected “Transfer 250 to bob”: wrong account"
    [pause] = await session.interrupts()
    assert pause.value == "Approve this action: Transfer 250 to bob (asked again, 2 of 3)"


async def test_decide_execute_does_not_take_a_deadline_for_a_persons_word():
    session = Session("decide_execute")
    await session.start({"request": "transfer 250 to bob"})
    state = await session.answer("timed out")
    assert "Nobody decided on this in time" in state["messages"][2].text
    assert "reviewer" not in str(state["messages"])


@books
async def test_decide_execute_does_every_step_with_its_own_question():
    session = Session("decide_execute")
    await session.start({"request": "order 2 pens, then transfer 5 to bob"})
    await session.answer("approved")
    [pause] = await session.interrupts()
    assert pause.value == "Approve this action: Transfer 5 to bob"
    done = await session.answer("approved")
    assert "create_order" in done["result"]
    assert "transfer_money" in done["result"]


async def test_decide_execute_says_when_there_is_nothing_to_do():
    session = Session("decide_execute")
    done = await session.start({"request": "hello"})
    assert "I did nothing" in done["result"]


async def test_email_draft_waits_and_sends():
    session = Session("email_draft")
    draft = await session.start({"request": "email alice@example.com subject Hi body Hello"})
    assert (draft["to"], draft["subject"], draft["body"]) == ("alice@example.com", "Hi", "Hello")
    assert await session.next() == ("send",)
    assert mail.outbox == []
    done = await session.go_on()
    assert [sent.to for sent in mail.outbox] == [["alice@example.com"]]
    assert done["result"] == 'Email "Hi" sent to alice@example.com.'


async def test_email_draft_sends_the_draft_as_a_reviewer_left_it():
    session = Session("email_draft")
    await session.start({"request": "email alice@example.com subject Hi body Hello"})
    await session.graph.aupdate_state(session.config, {"subject": "Good morning"})
    await session.go_on()
    assert [sent.subject for sent in mail.outbox] == ["Good morning"]


async def test_email_draft_makes_a_draft_of_a_request_in_free_words():
    session = Session("email_draft")
    draft = await session.start({"request": "Tell carol@example.com that the report is late."})
    assert draft["to"] == "carol@example.com"
    assert draft["body"] == "Tell carol@example.com that the report is late."


async def test_email_draft_without_an_address_fails_clearly():
    session = Session("email_draft")
    await session.start({"request": "Tell everybody."})
    with pytest.raises(Exception, match=r"The email was not sent.*to: "):
        await session.go_on()
    assert mail.outbox == []


async def test_tool_review_runs_safe_tools_without_a_pause():
    session = Session("tool_review")
    done = await session.start("search refunds")
    assert await session.next() == ()
    assert "handbook.md" in last(done)


@books
async def test_tool_review_pauses_before_a_sensitive_tool():
    session = Session("tool_review")
    await session.start("search refunds, then transfer 5 to bob")
    assert await session.next() == ("sensitive_tools",)
    assert await transfers() == []
    await session.go_on()
    assert await transfers() == [("bob", 5)]


@books
async def test_tool_review_goes_on_from_a_refusal_put_in_the_tools_place():
    session = Session("tool_review")
    state = await session.start("transfer 5 to bob")
    [call] = state["messages"][-1].tool_calls
    refusal = ToolMessage("No.", name=call["name"], tool_call_id=call["id"], status="error")
    await session.graph.aupdate_state(session.config, {"messages": [refusal]}, as_node="sensitive_tools")
    done = await session.go_on()
    assert "transfer_money was not done: No." in last(done)
    assert await transfers() == []


@pytest.mark.parametrize("name", ["operations", "tool_review"])
@books
async def test_a_providers_model_drives_the_same_graph(monkeypatch, name):
    with provider() as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{stub.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "stub-key")
        session = Session(name, model="openai:gpt-stub")
        await session.start("pay bob")
        await (session.answer({"type": "approve"}) if name == "operations" else session.go_on())
    assert await transfers() == [("bob", 250)]


async def test_a_providers_failure_is_one_clear_sentence(monkeypatch):
    with provider() as stub:
        stub.faults = [Fault.BAD_KEY]
        monkeypatch.setenv("ANTHROPIC_BASE_URL", stub.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "stub-key")
        with pytest.raises(chat_models.ModelFailed, match="refused the API key"):
            await Session("operations", model="anthropic:claude-stub").start("pay bob")


@books
async def test_tool_interrupt_pays_as_it_was_edited():
    session = Session("tool_interrupt")
    await session.start("search refunds, then transfer 250 to bob")
    [pause] = await session.interrupts()
    assert pause.value == {
        "action": "transfer_money",
        "args": {"amount": 250, "to": "bob"},
        "message": "Approve this action: Transfer 250 to bob",
    }
    await session.answer({"approved": True, "args": {"amount": 100, "to": "bob"}})
    assert await transfers() == [("bob", 100)]


@books
async def test_tool_interrupt_asks_for_every_call_before_it_runs_any():
    session = Session("tool_interrupt")
    await session.start("transfer 1 to bob, and also transfer 2 to bob, and also transfer 3 to bob")
    await session.answer({"approved": True})
    await session.answer({"approved": False, "message": "not this one"})
    assert await transfers() == []
    done = await session.answer({"approved": True})
    assert await transfers() == [("bob", 1), ("bob", 3)]
    assert "transfer_money was not done: not this one" in last(done)


@pytest.mark.parametrize("answer", ["approved", True, None, {}, {"approved": "yes"}, []])
@books
async def test_tool_interrupt_takes_only_a_plain_yes(answer):
    session = Session("tool_interrupt")
    await session.start("transfer 5 to bob")
    await session.answer(answer)
    assert await transfers() == []


@pytest.mark.parametrize(
    ("response", "paid", "said"),
    [
        ({"type": "accept", "args": None}, [("bob", 5)], "whose balance is now 5.00"),
        ({"type": "edit", "args": {"action": "transfer_money", "args": {"amount": 2, "to": "bob"}}}, [("bob", 2)], ""),
        ({"type": "response", "args": "Paid by hand."}, [], "transfer_money: Paid by hand."),
        ({"type": "ignore", "args": None}, [], "A reviewer left this undone."),
    ],
)
@books
async def test_agent_inbox_does_what_each_response_says(response, paid, said):
    session = Session("agent_inbox")
    await session.start("transfer 5 to bob")
    [pause] = await session.interrupts()
    assert pause.value[0]["action_request"] == {"action": "transfer_money", "args": {"amount": 5, "to": "bob"}}
    done = await session.answer([response])
    assert await transfers() == paid
    assert said in last(done)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("search refunds", "handbook.md"),
        (True, "Nothing found for"),
        ({"timed_out": True}, "Nothing found for"),
        ("the blue one", 'By "the usual" you mean: the blue one.'),
        (False, 'Nobody answered "What do you mean by "the usual"?"'),
    ],
)
async def test_clarify_asks_and_goes_on_with_the_answer(answer, said):
    session = Session("clarify")
    await session.start("the usual")
    [pause] = await session.interrupts()
    assert pause.value == {"question": 'What do you mean by "the usual"?', "best_guess": "search the usual"}
    await session.answer(answer)
    while await session.interrupts():
        await session.answer({"type": "approve"})
    assert said in last(await session.state())


async def test_clarify_says_that_a_guess_is_a_guess():
    session = Session("clarify")
    await session.start("the usual")
    state = await session.answer({"timed_out": True})
    assert state["messages"][2].text == "Nobody answered in time, so this is your own best guess: search the usual"


async def test_clarify_does_not_ask_about_a_plain_task():
    session = Session("clarify")
    await session.start("search refunds")
    assert [pause.value["name"] for pause in await session.interrupts()] == ["search"]


async def test_every_tool_of_the_agent_is_put_to_the_policy():
    session = Session("operations")
    await session.start("search refunds")
    assert [pause.value["name"] for pause in await session.interrupts()] == [tools.search.name]
