"""Graphs that stop by themselves, in the shapes that hide something from whoever approves."""

from __future__ import annotations

from typing import Any, TypedDict

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

from tests.agents.example_graphs import EFFECTS

NAMES = ["stops", "big_stop", "ids_again", "id_again", "asks_id_again"]


@tool
def pay(amount: int) -> str:
    """Pay."""
    EFFECTS.append(f"paid {amount}")
    return f"paid {amount}"


@tool
def wipe(name: str) -> str:
    """Wipe."""
    EFFECTS.append(f"wiped {name}")
    return f"wiped {name}"


def _call(tool: Any, id: str, **args: Any) -> dict[str, Any]:
    return {"name": tool.name, "args": args, "id": id, "type": "tool_call"}


def _speaks(*turns: list[dict[str, Any]]) -> Any:
    """An agent that makes these calls, one list a turn, and is done."""

    def agent(state: MessagesState) -> dict[str, Any]:
        said = sum(isinstance(message, AIMessage) for message in state["messages"])
        calls = turns[said] if said < len(turns) else []
        return {"messages": [AIMessage("" if calls else "All done.", tool_calls=calls)]}

    return agent


def _tooled(agent: Any, tools: Any) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", tools)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", lambda s: "tools" if s["messages"][-1].tool_calls else END, ["tools", END])
    builder.add_edge("tools", "agent")
    return builder


# A model that numbers its calls anew in every turn.
_PAID = [_call(pay, "call_0", amount=1)]
_WIPES = _call(wipe, "call_0", name="prod")
ids_again = _tooled(_speaks(_PAID, [_WIPES, _call(pay, "call_1", amount=2)]), ToolNode([pay, wipe])).compile(
    interrupt_before=["tools"]
)
id_again = _tooled(_speaks(_PAID, [_WIPES]), ToolNode([pay, wipe])).compile(interrupt_before=["tools"])


def _gate(state: MessagesState) -> dict[str, Any]:
    call = state["messages"][-1].tool_calls[0]  # type: ignore[union-attr]
    asked = {"type": "tool_approval", "tool_call_id": call["id"], "name": call["name"], "args": call["args"]}
    interrupt(asked)
    return {"messages": [ToolMessage(pay.invoke(call["args"]), tool_call_id=call["id"])]}


asks_id_again = _tooled(_speaks(_PAID, [_call(pay, "call_0", amount=2)]), _gate)


class Draft(TypedDict, total=False):
    """What is asked, what is planned, and what came of it."""

    asked: str
    to: str
    route: str
    amount: Any
    got: Any


def _chain(*nodes: tuple[str, Any], **facts: Any) -> Any:
    builder = StateGraph(Draft)
    before = START
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    return builder.compile(**facts)


def _does(words: str) -> Any:
    return lambda state: EFFECTS.append(words)


stops = _chain(("draft", lambda state: {"to": "bob"}), ("send", _does("sent")), interrupt_before=["send"])
big_stop = _chain(("draft", lambda state: {"to": "x" * 300_000}), ("send", _does("sent")), interrupt_before=["send"])
