"""A hand-made agent whose tool node asks for each sensitive call: an action, its arguments and a message."""

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


def graph(config: RunnableConfig) -> CompiledStateGraph[Any, Any, Any, Any]:
    """`interrupt({"action", "args", "message"})` inside the tool node."""
    return _by_hand.agent(config, name="tool_interrupt", review=_review)


def _review(call: ToolCall) -> ToolCall | ToolMessage:
    message = f"Approve this action: {tools.title(call['name'], call['args'])}"
    answer = interrupt({"action": call["name"], "args": call["args"], "message": message})
    # Whatever is not a plain yes is a no.
    if not isinstance(answer, dict) or answer.get("approved") is not True:
        words = answer.get("message") if isinstance(answer, dict) else ""
        return _by_hand.refused(call, str(words or "Action rejected by a reviewer."))
    return {**call, "args": answer.get("args") or call["args"]}
