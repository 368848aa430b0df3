"""Small graphs in the shapes that projects bring; `EFFECTS` counts what really ran."""

from __future__ import annotations

import time
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Send, interrupt

EFFECTS: list[str] = []
NAMES = [
    "two_questions",
    "compiled",
    "factory",
    "async_factory",
    "plain_factory",
    "batched",
    "calls",
    "parallel",
    "crash",
    "slow",
    "times_out",
    "draft",
    "insists",
]


class Asked(TypedDict, total=False):
    """What is asked and what was answered."""

    asked: str
    first: Any
    second: Any


def _first(state: Asked) -> Asked:
    answer = interrupt("Pay the bill?")
    EFFECTS.append(f"paid {answer}")
    return {"first": answer}


def _second(state: Asked) -> Asked:
    answer = interrupt("Delete everything?")
    EFFECTS.append(f"deleted {answer}")
    return {"second": answer}


def _asking() -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(Asked)
    builder.add_node("pay", _first)
    builder.add_node("delete", _second)
    builder.add_edge(START, "pay")
    builder.add_edge("pay", "delete")
    builder.add_edge("delete", END)
    return builder


two_questions = _asking()
compiled = _asking().compile(checkpointer=InMemorySaver())


def plain_factory() -> Any:
    """A factory that takes nothing."""
    return _asking()


def factory(config: dict[str, Any]) -> Any:
    """A factory that takes the config."""
    assert config["configurable"]["model"] == "scripted"
    return _asking()


async def async_factory(config: dict[str, Any]) -> Any:
    """An async factory."""
    return _asking().compile()


class Batched(TypedDict, total=False):
    """What came back."""

    asked: str
    decisions: Any


def _batch(state: Batched) -> Batched:
    names = ["pay", "delete"]
    allowed = ["approve", "edit", "reject"]
    answer = interrupt(
        {
            "action_requests": [{"name": name, "args": {"n": 1}, "description": ""} for name in names],
            "review_configs": [{"action_name": name, "allowed_decisions": allowed} for name in names],
        }
    )
    return {"decisions": answer["decisions"]}


batched = StateGraph(Batched)
batched.add_node("batch", _batch)
batched.add_edge(START, "batch")


@tool
def pay(amount: int) -> str:
    """Pay an amount."""
    EFFECTS.append(f"paid {amount}")
    return f"paid {amount}"


def _agent(state: MessagesState) -> dict[str, Any]:
    if any(isinstance(message, ToolMessage) for message in state["messages"]):
        return {"messages": [AIMessage("All done.")]}
    calls = [{"name": "pay", "args": {"amount": n}, "id": f"call-{n}"} for n in (1, 2)]
    return {"messages": [AIMessage("I pay twice.", tool_calls=calls)]}


def _more(state: MessagesState) -> str:
    return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END


_calls = StateGraph(MessagesState)
_calls.add_node("agent", _agent)
_calls.add_node("tools", ToolNode([pay]))
_calls.add_edge(START, "agent")
_calls.add_conditional_edges("agent", _more)
_calls.add_edge("tools", "agent")
calls = _calls.compile(interrupt_before=["tools"])


class Parallel(TypedDict, total=False):
    """Two questions at once."""

    asked: str
    messages: Annotated[list[AnyMessage], add_messages]


def _ask_one(state: dict[str, Any]) -> dict[str, Any]:
    answer = interrupt({"action": "pay", "args": {"amount": state["amount"]}, "message": "May I pay?"})
    if answer["approved"]:
        EFFECTS.append(f"paid {answer['args']['amount']}")
    return {}


parallel = StateGraph(Parallel)
parallel.add_node("one", _ask_one)
parallel.add_conditional_edges(START, lambda state: [Send("one", {"amount": n}) for n in (1, 2)], ["one"])


def _asked_then(effect: Any) -> StateGraph[Any, Any, Any, Any]:
    def act(state: Asked) -> Asked:
        answer = interrupt("Go on?")
        effect()
        return {"first": answer}

    builder = StateGraph(Asked)
    builder.add_node("act", act)
    builder.add_edge(START, "act")
    return builder


def _raise(error: Exception) -> None:
    raise error


def _slowly() -> None:
    time.sleep(0.5)
    EFFECTS.append("slow")


crash = _asked_then(lambda: _raise(ValueError("the account is closed")))
times_out = _asked_then(lambda: _raise(TimeoutError("no answer")))
slow = _asked_then(_slowly)


class Draft(TypedDict, total=False):
    """A text to be sent."""

    asked: str
    text: str
    sent: bool


def _send(state: Draft) -> Draft:
    EFFECTS.append(f"sent {state['text']}")
    return {"sent": True}


_draft = StateGraph(Draft)
_draft.add_node("write", lambda state: {"text": "Hello"})
_draft.add_node("send", _send)
_draft.add_edge(START, "write")
_draft.add_edge("write", "send")
draft = _draft.compile(interrupt_before=["send"])


def _ask_until_approved(state: Asked) -> Asked:
    """Cheaper each time it is refused, and it never gives up by itself."""
    for amount in range(1000, 0, -100):
        answer = interrupt({"action": "transfer_money", "args": {"amount": amount, "to": "bob"}})
        if answer["approved"]:
            EFFECTS.append(f"paid {answer['args']['amount']}")
            return {"first": answer}
    return {"first": "gave up"}


def _insisting() -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(Asked)
    builder.add_node("transfer", _ask_until_approved)
    builder.add_edge(START, "transfer")
    builder.add_edge("transfer", END)
    return builder


insists = _insisting().compile()
