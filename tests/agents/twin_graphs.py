"""Graphs that pay the same person the same more than once, without an id that tells one payment from the other."""

from __future__ import annotations

import asyncio
from typing import Any

from django.db import connection
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy, Send, interrupt
from typing_extensions import TypedDict

from agents import ledger
from tests.agents import ledger_graphs

NAMES = ["twins_by_turns", "twins_between", "twins_at_once", "twins_apart", "twins_retried"]
BOB = {"to": "bob"}
#: What happens between the first payment and the second.
BETWEEN: list[Any] = []


class Asked(TypedDict, total=False):
    """The ids of the calls that people are asked about, and of those that are made; "" is a call without one."""

    asks: list[str]
    makes: list[str]
    call: str


def _ask(call: str) -> None:
    if call:
        interrupt({"type": "tool_approval", "tool_call_id": call, "name": "pay", "args": BOB, "description": ""})
    else:
        interrupt({"action": "pay", "args": BOB})


def _pay(call: str) -> str:
    return ledger.once(ledger_graphs._pay, action="pay", args=BOB, call_id=call)


def _between() -> None:
    while BETWEEN:
        BETWEEN.pop()()
    connection.close()


def _review(state: Asked) -> dict[str, Any]:
    for call in state["asks"]:
        _ask(call)
    return {}


def _by_turns(state: Asked) -> dict[str, Any]:
    for call in state["makes"]:
        _pay(call)
        _between()
    return {}


def _ask_and_pay(state: Asked) -> dict[str, Any]:
    for call in state["asks"]:
        _ask(call)
        _pay(call)
    return {}


async def _at_once(state: Asked) -> dict[str, Any]:
    async def pay(to: str) -> str:
        return await asyncio.to_thread(ledger_graphs._pay, to)

    await asyncio.gather(*(ledger.aonce(pay, action="pay", args=BOB, call_id=call) for call in state["makes"]))
    return {}


def _apart(state: Asked) -> dict[str, Any]:
    _pay(state["call"])
    return {}


def _graph(step: Any, *, is_apart: bool = False, **facts: Any) -> Any:
    builder = StateGraph(Asked)
    builder.add_node("review", _review)
    builder.add_node("step", step, **facts)
    builder.add_edge(START, "review")
    if is_apart:
        builder.add_conditional_edges("review", lambda s: [Send("step", {"call": c}) for c in s["makes"]], ["step"])
    else:
        builder.add_edge("review", "step")
    builder.add_edge("step", END)
    return builder.compile()


twins_by_turns = _graph(_by_turns)
twins_at_once = _graph(_at_once)
twins_apart = _graph(_apart, is_apart=True)
twins_retried = _graph(_by_turns, retry_policy=RetryPolicy(max_attempts=3, initial_interval=0.01, retry_on=Exception))
twins_between = StateGraph(Asked).add_node("step", _ask_and_pay).add_edge(START, "step").compile()
