"""The same agent as operations, but the calls of one turn are put to people together."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from agents.graphs._agent import MESSAGES_SCHEMA, reviewed_agent

MESSAGE_KEY = "messages"
INPUT_SCHEMA = MESSAGES_SCHEMA


def graph(config: RunnableConfig) -> CompiledStateGraph[Any, Any, Any, Any]:
    """LangChain's agent with its human-in-the-loop middleware, one interrupt for all calls of a turn."""
    return reviewed_agent(config, name="batch", mode="batched")
