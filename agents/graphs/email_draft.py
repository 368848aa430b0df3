"""Drafts an email and waits before it is sent; the draft can be changed."""

from __future__ import annotations

import re
from typing import Any, TypedDict

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import ToolException
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agents import chat_models, guards, tools

MESSAGE_KEY = "request"
INPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "request": {
            "type": "string",
            "title": "Request",
            "minLength": 1,
            "description": "What to write, and to whom.",
        }
    },
    "required": ["request"],
}

#: The step is what people approve, so it runs through the ledger, under an approval of exactly this draft.
SEND = guards.guarded(tools.send_email)

PROMPT = "Draft the email that the request asks for, by calling send_email once. A person reads it before it is sent."


class Draft(TypedDict, total=False):
    """The draft and what became of it."""

    request: str
    to: str
    subject: str
    body: str
    result: str


def graph(config: RunnableConfig) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Draft, pause, send."""
    model = chat_models.chosen(config).bind_tools([tools.send_email])
    name = chat_models.name_of(config)

    async def draft(state: Draft) -> Draft:
        messages = [SystemMessage(PROMPT), HumanMessage(state["request"])]
        with chat_models.clear_errors(name):
            return _draft(state["request"], await model.ainvoke(messages))

    builder = StateGraph(Draft)
    builder.add_node("draft", draft)
    builder.add_node("send", _send)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "send")
    builder.add_edge("send", END)
    return builder.compile(interrupt_before=["send"], name="email_draft")


def _draft(request: str, answer: AIMessage) -> Draft:
    call = next((call for call in answer.tool_calls if call["name"] == "send_email"), None)
    if call:
        to, subject, body = (str(call["args"].get(key, "")) for key in ("to", "subject", "body"))
        return {"to": to, "subject": subject, "body": body}
    # No model's draft: the request itself is one to start from, and the reviewer can change it.
    address = re.search(r"[^@\s,;<>]+@[^@\s,;<>]*[^@\s,;<>.]", request)
    return {
        "to": address[0] if address else "",
        "subject": request.strip().splitlines()[0][:80],
        "body": request,
    }


def _send(state: Draft) -> Draft:
    # Called as a tool call, so that a draft that was edited is checked as any tool's arguments are.
    args = {"to": state.get("to", ""), "subject": state.get("subject", ""), "body": state.get("body", "")}
    sent = SEND.invoke({"name": "send_email", "args": args, "id": "send", "type": "tool_call"})
    if sent.status == "error":
        raise ToolException(f"The email was not sent. {sent.content}")
    return {"result": str(sent.content)}
