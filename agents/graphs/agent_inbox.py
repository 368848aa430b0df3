"""A hand-made agent that asks in the HumanInterrupt format, as LangChain's Agent Inbox reads it."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import interrupt

from agents import tools
from agents.graphs import _by_hand
from agents.graphs._agent import MESSAGES_SCHEMA

MESSAGE_KEY = "messages"
INPUT_SCHEMA = MESSAGES_SCHEMA

ANYTHING = {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True}
#: What each tool's reviewer may do; one who purges an account takes it or leaves it.
CONFIGS = {
    "purge_account": {**ANYTHING, "allow_edit": False, "allow_respond": False},
    "ask": {**ANYTHING, "allow_accept": False, "allow_edit": False},
}


def graph(config: RunnableConfig) -> CompiledStateGraph[Any, Any, Any, Any]:
    """`interrupt([HumanInterrupt])[0]` inside the tool node."""
    return _by_hand.agent(config, name="agent_inbox", review=_review)


def _review(call: ToolCall) -> ToolCall | ToolMessage:
    request = {
        "action_request": {"action": call["name"], "args": call["args"]},
        "config": CONFIGS.get(call["name"], ANYTHING),
        "description": tools.title(call["name"], call["args"]),
    }
    response = interrupt([request])[0]
    match response["type"]:
        case "accept":
            return call
        case "edit":
            return {**call, "args": response["args"]["args"]}
        case "response":
            return _by_hand.replied(call, str(response["args"]))
    return _by_hand.refused(call, "A reviewer left this undone.")
