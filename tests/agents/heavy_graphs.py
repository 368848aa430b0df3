"""Graphs that ask much of what keeps them: state that cannot be kept, or a lot of it, or many steps."""

from __future__ import annotations

import operator
import threading
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from tests.agents.example_graphs import EFFECTS

NAMES = [
    "locked",
    "asks_with_a_lock",
    "answers_with_a_lock",
    "asks_nan",
    "huge",
    "huge_draft",
    "huge_draft_in_part",
    "long",
    "fifty",
]
TEN_MEGABYTES = 10 * 1024 * 1024
STEPS, PAUSES = 1000, 50


class Heavy(TypedDict, total=False):
    """What is asked, what is kept."""

    asked: str
    handle: Any
    text: str
    title: str
    steps: Annotated[int, operator.add]
    got: Annotated[list[Any], operator.add]


def _one(node: Any) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(Heavy)
    builder.add_node("work", node)
    builder.add_edge(START, "work")
    return builder


def _lock_then_fail(state: Heavy) -> Heavy:
    answer = interrupt("Go on?")
    EFFECTS.append("ran")
    return {"got": [answer], "handle": threading.Lock()}


locked = _one(lambda state: {"handle": threading.Lock()})
asks_with_a_lock = _one(lambda state: {"got": [interrupt({"handle": threading.Lock()})]})
answers_with_a_lock = _one(_lock_then_fail)
asks_nan = _one(lambda state: {"got": [interrupt({"amount": float("nan")})]})

huge = StateGraph(Heavy)
huge.add_node("fill", lambda state: {"text": "x" * TEN_MEGABYTES})
huge.add_node("ask", lambda state: {"got": [interrupt("Go on?")]})
huge.add_edge(START, "fill")
huge.add_edge("fill", "ask")

_drafted = StateGraph(Heavy)
_drafted.add_node("fill", lambda state: {"text": "x" * TEN_MEGABYTES, "title": "Report"})
_drafted.add_node("send", lambda state: EFFECTS.append(f"sent {state['title']}, {len(state['text'])}"))
_drafted.add_edge(START, "fill")
_drafted.add_edge("fill", "send")
huge_draft = huge_draft_in_part = _drafted.compile(interrupt_before=["send"])


# Many steps, then a question.
long = StateGraph(Heavy)
long.add_node("step", lambda state: {"steps": 1})
long.add_node("ask", lambda state: {"got": [interrupt("Enough?")]})
long.add_edge(START, "step")
long.add_conditional_edges("step", lambda state: "step" if state["steps"] < STEPS else "ask", ["step", "ask"])

# One question after the other.
fifty = StateGraph(Heavy)
fifty.add_node("ask", lambda state: {"got": [interrupt(f"Number {len(state.get('got', []))}?")]})
fifty.add_edge(START, "ask")
fifty.add_conditional_edges("ask", lambda state: "ask" if len(state["got"]) < PAUSES else "__end__", ["ask", "__end__"])
