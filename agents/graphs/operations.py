"""An agent with tools of every risk, each call reviewed on its own: search, email, order, transfer, purge."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from agents.graphs._agent import MESSAGES_SCHEMA, reviewed_agent

MESSAGE_KEY = "messages"
INPUT_SCHEMA = MESSAGES_SCHEMA


def graph(config: RunnableConfig) -> CompiledStateGraph[Any, Any, Any, Any]:
    """LangChain's agent with its human-in-the-loop middleware, one interrupt for each call."""
    return reviewed_agent(config, name="operations", mode="per_call")
