"""`fence`: what the fence adds to a graph's own steps, with it and without it in turn, on the same saver.

*bare*: the triggers are switched off and nobody carries a token. *fenced*: as workers write. *minimal*: two nodes of
which one asks, so that nothing but checkpoints costs anything. *agent*: a human-in-the-loop agent with a tool.
The lease itself is taken beforehand: it is no part of a step.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from typing import Any, TypedDict

from asgiref.sync import sync_to_async
from django.db import connection
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from agents import checkpoints, fence, leases, registry
from agents.leases import Lease
from agents.models import Run

#: Short rounds in turn: what else the machine does then weighs on both ways alike.
CYCLES = 4
ROUNDS = 40
TASK = {"messages": [{"role": "user", "content": "order 1 widget"}]}


class Asked(TypedDict, total=False):
    """What came back."""

    got: Any


minimal = StateGraph(Asked)
minimal.add_node("plan", lambda state: {})
minimal.add_node("ask", lambda state: {"got": interrupt("May I?")})
minimal.add_edge(START, "plan")
minimal.add_edge("plan", "ask")


def run() -> dict[str, Any]:
    """The medians of the rounds, each way in each round."""
    checkpoints.setup_sync()
    return asyncio.run(_measure())


async def _measure() -> dict[str, Any]:
    seconds: dict[tuple[str, bool], list[float]] = {}
    for number in range(ROUNDS + 1):
        for name in ("minimal", "agent"):
            for fenced in (False, True):
                taken = await _cycles(name, fenced=fenced)
                if number:  # the first warms
                    seconds.setdefault((name, fenced), []).append(taken)
    await checkpoints.close()
    middle = {way: statistics.median(rounds) for way, rounds in seconds.items()}
    figures: dict[str, Any] = {
        f"{name}_{'fenced' if fenced else 'bare'}_ms": round(middle[name, fenced] * 1000, 2) for name, fenced in middle
    }
    for name in ("minimal", "agent"):
        pairs = zip(seconds[name, True], seconds[name, False], strict=True)
        figures[f"G13_{name}_fenced_to_bare"] = round(statistics.median(mine / bare for mine, bare in pairs), 3)
    return figures


async def _cycles(name: str, *, fenced: bool) -> float:
    """Seconds of one run to its question and from its answer to the end."""
    await checkpoints.saver()  # it looks for the fence once, before that is switched off
    await sync_to_async(_switch)(on=fenced)
    held = [await sync_to_async(_held)(is_run=fenced) for _ in range(CYCLES)]
    begun = time.perf_counter()
    for thread, lease in held:
        await _cycle(name, thread, lease)
    taken = (time.perf_counter() - begun) / CYCLES
    await sync_to_async(_switch)(on=True)
    return taken


async def _cycle(name: str, thread: str, lease: Lease | None) -> None:
    saver = await checkpoints.saver(lease)
    if name == "agent":
        graph, given, answer = await registry.load("operations", checkpointer=saver, model="scripted"), TASK, "approve"
    else:
        graph, given, answer = minimal.compile(checkpointer=saver), {}, "yes"
    config: Any = {"configurable": {"thread_id": thread, "model": "scripted"}}
    await graph.ainvoke(given, config, durability="sync")
    state = await graph.aget_state(config)
    resume = {state.interrupts[0].id: {"type": answer}}
    await graph.ainvoke(Command(resume=resume), config, durability="sync")
    assert not (await graph.aget_state(config)).next


def _held(*, is_run: bool) -> tuple[str, Lease | None]:
    thread = str(uuid.uuid4())
    if not is_run:
        return thread, None
    Run.objects.create(thread_id=thread, graph="operations", status="running")
    return thread, leases.take(thread, owner="benchmark")


def _switch(*, on: bool) -> None:
    with connection.cursor() as cursor:
        for table in fence.TABLES:
            cursor.execute(f"ALTER TABLE {table} {'ENABLE' if on else 'DISABLE'} TRIGGER agents_fence")
