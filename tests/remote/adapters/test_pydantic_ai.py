"""Pydantic AI with an offline model, against a served Countersign.

`uv run --with pydantic-ai-slim~=2.68.0 pytest tests/remote/adapters/test_pydantic_ai.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories
from tests.remote.conftest import Asking, asked_for

pytest.importorskip("pydantic_ai", reason="run it with `--with pydantic-ai-slim`")
from pydantic_ai import Agent, DeferredToolRequests
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

from agents.remote import pydantic_ai

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.filterwarnings("ignore")]


def scripted(messages: list[Any], info: Any) -> ModelResponse:
    """Sends a mail, then says what it heard; not a language model."""
    if len(messages) == 1:
        return ModelResponse(parts=[ToolCallPart("send_email", {"to": "bob"}, tool_call_id="call-1")])
    return ModelResponse(parts=[TextPart(str(messages[-1].parts[-1].content))])


@pytest.mark.parametrize(
    ("word", "more", "sent"),
    [("approve", {}, ["bob"]), ("edit", {"args": {"to": "carol"}}, ["carol"]), ("reject", {"message": "no"}, [])],
)
def test_a_deferred_call_runs_as_people_decided(
    countersign: Any, alice: Any, word: str, more: Any, sent: list[str]
) -> None:
    went: list[str] = []
    agent = Agent(FunctionModel(scripted), output_type=[str, DeferredToolRequests])

    @agent.tool_plain(requires_approval=True)
    def send_email(to: str) -> str:
        went.append(to)
        return f"sent to {to}"

    first = agent.run_sync("Write to bob")
    asking = Asking(pydantic_ai.answered, first.output, client=countersign)
    ticket = factories.decide(asked_for(), alice, word, **more)
    answers = asking.ended()
    result = agent.run_sync(message_history=first.all_messages(), deferred_tool_results=answers)
    pydantic_ai.report(result.new_messages(), client=countersign)
    ticket.refresh_from_db()
    assert went == sent
    assert (ticket.execution, ticket.result) == (("succeeded", f"sent to {sent[0]}") if sent else ("not_started", None))
    assert ("sent to" in result.output) == bool(sent) and ("no" in result.output or sent)
