"""Graphs that stop by themselves, in the shapes that hide something from whoever approves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypedDict

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

from tests.agents.example_graphs import EFFECTS

NAMES = [
    "stops",
    "big_stop",
    "ids_again",
    "id_again",
    "asks_id_again",
    "fan",
    "pair",
    "team",
    "deep_step",
    "fallbacks",
    "same_ids",
    "no_ids",
    "hidden_amount",
    "stops_behind",
    "routed",
    "routed_freely",
    "joined",
    "called_inside_stops",
]


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

hidden_amount = _chain(
    ("draft", lambda state: {"to": "bob", "amount": Decimal("1000000")}),
    ("transfer", lambda state: EFFECTS.append(f"transferred {state['amount']!r} to {state['to']}")),
    interrupt_before=["transfer"],
)

# Several nodes come next at once.
_WIPE = _call(wipe, "c1", name="prod")
_fan = StateGraph(MessagesState)
_fan.add_node("agent", _speaks([_call(pay, "c1", amount=1)]))
_fan.add_node("tools", ToolNode([pay]))
_fan.add_node("publish", _does("published"))
_fan.add_edge(START, "agent")
_fan.add_edge("agent", "tools")
_fan.add_edge("agent", "publish")
fan = _fan.compile(interrupt_before=["tools", "publish"])

_pair = StateGraph(Draft)
_pair.add_node("plan", lambda state: {"to": "bob"})
_pair.add_node("send", _does("sent"))
_pair.add_node("wipe", _does("wiped"))
_pair.add_edge(START, "plan")
_pair.add_edge("plan", "send")
_pair.add_edge("plan", "wipe")
pair = _pair.compile(interrupt_before=["send", "wipe"])

# A subgraph stops before its tools, and before a step.
_team = StateGraph(MessagesState)
_team.add_node("team", _tooled(_speaks([_WIPE]), ToolNode([pay, wipe])).compile(interrupt_before=["tools"]))
_team.add_edge(START, "team")
team = _team.compile()

_deep = StateGraph(Draft)
_deep.add_node("plan", lambda state: {"to": "bob"})
_deep.add_node("team", _chain(("inner", _does("inner")), interrupt_before=["inner"]))
_deep.add_edge(START, "plan")
_deep.add_edge("plan", "team")
deep_step = _deep.compile()

# A tool node that has a fallback, beside one that has none.
_fall = StateGraph(MessagesState)
_fall.add_node("agent", _speaks([_WIPE]))
_fall.add_node("safe_tools", ToolNode([pay]))
_nothing = RunnableLambda(lambda state: {"messages": []})
_fall.add_node("sensitive_tools", ToolNode([wipe]).with_fallbacks([_nothing]))
_fall.add_edge(START, "agent")
_fall.add_conditional_edges(
    "agent",
    lambda s: "sensitive_tools" if s["messages"][-1].tool_calls else END,
    ["safe_tools", "sensitive_tools", END],
)
_fall.add_edge("safe_tools", "agent")
_fall.add_edge("sensitive_tools", "agent")
fallbacks = _fall.compile(interrupt_before=["sensitive_tools"])

# Calls that nobody can tell apart.
same_ids = _tooled(_speaks([_call(pay, "c", amount=7), _call(wipe, "c", name="prod")]), ToolNode([pay, wipe])).compile(
    interrupt_before=["tools"]
)
no_ids = _tooled(_speaks([_call(pay, "", amount=7)]), ToolNode([pay])).compile(interrupt_before=["tools"])

# It stops before the tools and again behind them.
_behind = StateGraph(MessagesState)
_behind.add_node("agent", _speaks([_WIPE]))
_behind.add_node("tools", ToolNode([wipe]))
_behind.add_node("publish", _does("published"))
_behind.add_edge(START, "agent")
_behind.add_edge("agent", "tools")
_behind.add_edge("tools", "publish")
stops_behind = _behind.compile(interrupt_before=["tools", "publish"])


# What an edit changes decides where the graph goes.
def _routing() -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(Draft)
    builder.add_node("plan", lambda state: {"route": "send", "to": "bob"})
    builder.add_node("send", _does("sent"))
    builder.add_node("wipe", _does("wiped"))
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", lambda state: state["route"], ["send", "wipe", END])
    return builder


routed = _routing().compile(interrupt_before=["send", "wipe"])
routed_freely = _routing().compile(interrupt_before=["send"])


# Two nodes ran at once before it stopped.
class Joined(TypedDict, total=False):
    """What each of the two wrote."""

    asked: str
    one: str
    two: str


_join = StateGraph(Joined)
_join.add_node("a", lambda state: {"one": "1"})
_join.add_node("b", lambda state: {"two": "2"})
_join.add_node("send", lambda state: EFFECTS.append(f"sent {state['one']} {state['two']}"))
_join.add_edge(START, "a")
_join.add_edge(START, "b")
_join.add_edge(["a", "b"], "send")
joined = _join.compile(interrupt_before=["send"])

# A graph that a node calls by itself: LangGraph cannot find it from outside.
_CALLED = {"inner": _chain(("inner", _does("inner")), interrupt_before=["inner"])}


def _calling(state: Draft) -> Any:
    return _CALLED["inner"].invoke({"asked": "x"})


called_inside_stops = _chain(("plan", lambda state: {"to": "bob"}), ("team", _calling))
