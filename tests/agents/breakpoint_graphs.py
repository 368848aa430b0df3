"""Graphs that stop by themselves, in the shapes that hide something from whoever approves."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph

from tests.agents.example_graphs import EFFECTS

NAMES = ["stops", "big_stop"]


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
