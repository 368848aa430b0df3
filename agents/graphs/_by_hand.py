"""What `tool_interrupt` and `agent_inbox` share: an agent whose tool node is written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agents import chat_models, guards, tools

#: Asks people about one call and says what is to run, or the message that the model reads instead.
Review = Callable[[ToolCall], ToolCall | ToolMessage]

SENSITIVE = {tool.name for tool in tools.SENSITIVE}
#: What is reviewed runs through the ledger: at each answer the node begins again from its top.
RUN = {tool.name: guards.guarded(tool) if tool.name in SENSITIVE else tool for tool in tools.ALL}


def agent(config: Mapping[str, Any] | None, *, name: str, review: Review) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Agent, then its tools, then the agent again; each sensitive call is reviewed inside the tool node."""
    model = chat_models.chosen(config).bind_tools(tools.ALL)
    model_name = chat_models.name_of(config)

    async def speak(state: MessagesState) -> dict[str, Any]:
        with chat_models.clear_errors(model_name):
            return {"messages": [await model.ainvoke(state["messages"])]}

    def act(state: MessagesState) -> dict[str, Any]:
        calls = _calls(state)
        # Every question comes before every effect: at each answer the node begins again from its top.
        reviewed = [review(call) if call["name"] in SENSITIVE else call for call in calls]
        return {"messages": [_done(step) for step in reviewed]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", speak)
    builder.add_node("tools", act)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", _route)
    builder.add_edge("tools", "agent")
    return builder.compile(name=name)


def refused(call: ToolCall, words: str) -> ToolMessage:
    """What the model reads in place of a result."""
    return ToolMessage(words, name=call["name"], tool_call_id=str(call["id"]), status="error")


def replied(call: ToolCall, words: str) -> ToolMessage:
    """A person's answer in place of the tool's."""
    return ToolMessage(words, name=call["name"], tool_call_id=str(call["id"]))


def _done(step: ToolCall | ToolMessage) -> ToolMessage:
    if isinstance(step, ToolMessage):
        return step
    tool = RUN.get(step["name"])
    if tool is None:
        return refused(step, f"There is no tool {step['name']}.")
    result: ToolMessage = tool.invoke({**step, "type": "tool_call"})
    return result


def _calls(state: MessagesState) -> list[ToolCall]:
    last = state["messages"][-1]
    return last.tool_calls if isinstance(last, AIMessage) else []


def _route(state: MessagesState) -> Literal["tools", "__end__"]:
    return "tools" if _calls(state) else "__end__"
