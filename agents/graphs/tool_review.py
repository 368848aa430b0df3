"""A hand-made agent: sensitive tools wait at a breakpoint before their node, safe ones run free."""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode

from agents import chat_models, tools
from agents.graphs._agent import MESSAGES_SCHEMA

MESSAGE_KEY = "messages"
INPUT_SCHEMA = MESSAGES_SCHEMA

_SENSITIVE = {tool.name for tool in tools.SENSITIVE}


def graph(config: RunnableConfig) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Agent, then safe tools or sensitive tools, then the agent again."""
    model = chat_models.chosen(config).bind_tools(tools.ALL)
    name = chat_models.name_of(config)

    async def agent(state: MessagesState) -> dict[str, Any]:
        with chat_models.clear_errors(name):
            return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    # Both nodes know every tool: a turn that mixes safe and sensitive calls waits as a whole.
    builder.add_node("safe_tools", ToolNode(tools.ALL))
    builder.add_node("sensitive_tools", ToolNode(tools.ALL))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", _route)
    builder.add_edge("safe_tools", "agent")
    builder.add_edge("sensitive_tools", "agent")
    return builder.compile(interrupt_before=["sensitive_tools"], name="tool_review")


def _route(state: MessagesState) -> Literal["sensitive_tools", "safe_tools", "__end__"]:
    last = state["messages"][-1]
    if not isinstance(last, AIMessage) or not last.tool_calls:
        return "__end__"
    sensitive = any(call["name"] in _SENSITIVE for call in last.tool_calls)
    return "sensitive_tools" if sensitive else "safe_tools"
