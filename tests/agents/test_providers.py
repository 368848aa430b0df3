"""The providers' real client libraries, over HTTP, against a stub that answers and fails as they do."""

from __future__ import annotations

import pytest
from langchain_core.messages import HumanMessage, ToolMessage

from agents import chat_models, model_names
from agents.models_offline import ScriptedChatModel
from tests.stubs.providers import ARGS, CLOSING, TOOL, Fault, provider

MODELS = ("openai:gpt-stub", "anthropic:claude-stub", "ollama:llama-stub")
#: Ollama's client never retries; the other two do.
RETRYING = MODELS[:2]

TRANSFER = {
    "type": "function",
    "function": {
        "name": TOOL,
        "description": "Transfer money.",
        "parameters": {
            "type": "object",
            "properties": {"amount": {"type": "number"}, "to": {"type": "string"}},
            "required": ["amount", "to"],
        },
    },
}


@pytest.fixture
def stub(monkeypatch):
    with provider() as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{stub.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "stub-key")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", stub.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "stub-key")
        monkeypatch.setenv("OLLAMA_HOST", stub.url)
        yield stub


def model_of(name, **configurable):
    return chat_models.chosen({"configurable": {"model": name, **configurable}})


def ask(name, **configurable):
    with chat_models.clear_errors(name):
        return model_of(name, **configurable).bind_tools([TRANSFER]).invoke("transfer 250 to bob")


@pytest.mark.parametrize("name", MODELS)
def test_a_tool_call_comes_back_with_its_arguments(stub, name):
    [call] = ask(name).tool_calls
    assert (call["name"], call["args"]) == (TOOL, ARGS)
    assert call["id"]


@pytest.mark.parametrize("name", MODELS)
def test_the_tool_is_declared_to_the_provider(stub, name):
    ask(name)
    assert TOOL in str(stub.requests[0]["body"]["tools"])
    assert stub.requests[0]["body"]["model"] == name.partition(":")[2]


@pytest.mark.parametrize("name", MODELS)
def test_a_result_is_answered_with_words(stub, name):
    call = ask(name)
    result = ToolMessage("done", tool_call_id=call.tool_calls[0]["id"], name=TOOL)
    answer = model_of(name).bind_tools([TRANSFER]).invoke([HumanMessage("transfer"), call, result])
    assert answer.text == CLOSING


@pytest.mark.asyncio
@pytest.mark.parametrize("name", MODELS)
async def test_a_stream_adds_up_to_the_same_call(stub, name):
    parts = [part async for part in model_of(name).bind_tools([TRANSFER]).astream("transfer 250 to bob")]
    whole = sum(parts[1:], parts[0])
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [(TOOL, ARGS)]


@pytest.mark.parametrize("name", RETRYING)
@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.SERVER_ERROR, Fault.OVERLOADED])
def test_a_passing_failure_is_tried_again(stub, name, fault):
    stub.faults = [fault]
    assert ask(name).tool_calls
    assert len(stub.requests) == 2


@pytest.mark.parametrize("name", RETRYING)
def test_a_slow_answer_is_tried_again(stub, name):
    stub.faults = [Fault.SLOW]
    assert ask(name, model_timeout=0.5).tool_calls


FAILURES = [
    (Fault.RATE_LIMITED, "is rate limited (429): stub says rate_limited"),
    (Fault.SERVER_ERROR, "failed on the provider's side (500): stub says server_error"),
    (Fault.BAD_KEY, "refused the API key (401): stub says bad_key"),
    (Fault.SLOW, "did not answer in time"),
    (Fault.MALFORMED, "not valid JSON"),
]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("fault", "sentence"), FAILURES)
def test_a_failure_that_stays_is_one_clear_sentence_and_works_afterwards(stub, name, fault, sentence):
    stub.faults = [fault]
    with pytest.raises(chat_models.ModelFailed) as failed:
        ask(name, model_timeout=0.5, model_retries=0)
    assert str(failed.value).startswith(f"The model {name} ")
    assert sentence in str(failed.value)
    assert ask(name).tool_calls


@pytest.mark.asyncio
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("fault", "sentence"), FAILURES)
async def test_a_failure_is_as_clear_without_a_thread(stub, name, fault, sentence):
    stub.faults = [fault]
    model = model_of(name, model_timeout=0.5, model_retries=0)
    with pytest.raises(chat_models.ModelFailed) as failed, chat_models.clear_errors(name):
        await model.bind_tools([TRANSFER]).ainvoke("transfer 250 to bob")
    assert sentence in str(failed.value)


@pytest.mark.parametrize("name", MODELS)
def test_a_provider_that_is_not_there_is_one_clear_sentence(monkeypatch, name):
    with provider() as gone:
        pass
    monkeypatch.setenv("OPENAI_BASE_URL", f"{gone.url}/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", gone.url)
    monkeypatch.setenv("OLLAMA_HOST", gone.url)
    monkeypatch.setenv("OPENAI_API_KEY", "stub-key")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "stub-key")
    with pytest.raises(chat_models.ModelFailed, match="could not be reached"):
        ask(name, model_retries=0)


@pytest.mark.parametrize("name", RETRYING)
def test_a_missing_key_is_one_clear_sentence(monkeypatch, name):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(chat_models.MissingKey, match=r"needs an API key: set [A-Z]+_API_KEY"):
        ask(name)


@pytest.mark.parametrize("name", ["gpt-4o", "openai:", "acme:model", ":x", "scripted:x"])
def test_an_unknown_model_is_refused_by_name(name):
    with pytest.raises(model_names.UnknownModel, match=f'Unknown model "{name}"'):
        model_of(name)


@pytest.mark.parametrize("config", [None, {}, {"configurable": {}}, {"configurable": {"model": None}}])
def test_without_a_model_it_is_the_scripted_one(config):
    assert isinstance(chat_models.chosen(config), ScriptedChatModel)
