"""`protocols`: pause, ticket, approve, resume, done, in each wire format, of graphs that differ in nothing else.

Each graph has two nodes, so LangGraph's share is the same; the ratios are to the cheapest format of the same run.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, TypedDict

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import Group, User
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from agents import checkpoints, runner
from agents.models import Run
from approvals import decisions
from approvals.contract import NewDecision
from approvals.models import Ticket

CYCLES = 40
ARGS = {"item": "widget", "quantity": 1}
SCHEMA = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}},
    "required": ["item", "quantity"],
}
KINDS = ["approve", "edit", "reject", "respond"]


class Order(TypedDict, total=False):
    """What is asked and what came back."""

    request: str
    got: Any


def _graph(value: Any, **schema: Any) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(Order)
    builder.add_node("plan", lambda state: {"request": "order 1 widget"})
    builder.add_node("ask", lambda state: {"got": value and interrupt(value, **schema)})
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "ask")
    return builder


def _decision_schema() -> dict[str, Any]:
    branches = [{"type": "object", "properties": {"type": {"const": kind}}, "required": ["type"]} for kind in KINDS]
    return {"oneOf": branches, "$defs": {"EditedAction": {"properties": {"args": SCHEMA}}}}


PER_CALL = {"type": "tool_approval", "tool_call_id": "c", "name": "create_order", "args": ARGS}
GRAPHS = {
    "hitl_per_call": _graph(PER_CALL, response_schema=_decision_schema()),
    "hitl_batched": _graph(
        {
            "action_requests": [{"name": "create_order", "args": ARGS}],
            "review_configs": [{"action_name": "create_order", "allowed_decisions": KINDS, "args_schema": SCHEMA}],
        }
    ),
    "agent_inbox": _graph(
        [
            {
                "action_request": {"action": "create_order", "args": ARGS},
                "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
            }
        ]
    ),
    "response_schema": _graph("How many?", response_schema={"type": "integer"}),
    "action_dict": _graph({"action": "create_order", "args": ARGS}),
    "plain": _graph("Order one widget?"),
    "breakpoint": _graph(None).compile(interrupt_before=["ask"]),
}


def run() -> dict[str, Any]:
    """Alternate the formats cycle by cycle, so that they meet the same load; the median of each, in milliseconds."""
    checkpoints.setup_sync()
    alice = User.objects.create_user("alice")
    alice.groups.add(Group.objects.get_or_create(name="reviewers")[0])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "langgraph.json"
        targets = {name: f"tests.benchmarks.protocols:GRAPHS_{name}" for name in GRAPHS}
        file.write_text(json.dumps({"graphs": targets}))
        settings.COUNTERSIGN_GRAPHS = [file]
        return asyncio.run(_measure(alice))


async def _measure(alice: User) -> dict[str, Any]:
    spent: dict[str, list[float]] = {name: [] for name in GRAPHS}
    for name in GRAPHS:
        await _cycle(name, alice)  # warm
    for _ in range(CYCLES):
        for name in GRAPHS:
            begun = time.perf_counter()
            await _cycle(name, alice)
            spent[name].append((time.perf_counter() - begun) * 1000)
    await checkpoints.close()
    typical = {name: statistics.median(times) for name, times in spent.items()}
    cheapest = min(typical.values())
    return {
        "ms_per_cycle": {name: round(ms, 1) for name, ms in typical.items()},
        "to_cheapest": {name: round(ms / cheapest, 2) for name, ms in typical.items()},
        "worst_to_cheapest": round(max(typical.values()) / cheapest, 2),
    }


async def _cycle(graph: str, alice: User) -> None:
    thread = str(uuid.uuid4())
    await runner.start(graph=graph, input={"request": "x"}, thread_id=thread, requester_id=None)
    ticket = await Ticket.objects.aget(thread_id=thread)
    kind, said = ("respond", "3") if graph == "response_schema" else ("approve", "")
    decision = NewDecision(type=kind, digest=ticket.digest, message=said)
    await sync_to_async(decisions.record)(ticket.pk, reviewer=alice, decision=decision)
    await runner.resume(thread, ticket.pk)
    status = await Run.objects.values_list("status", flat=True).aget(thread_id=thread)
    if status != "succeeded":
        raise RuntimeError(f"a run of {graph} is {status}")


# By name, as an entry of langgraph.json points at them.
for _name, _made in GRAPHS.items():
    globals()[f"GRAPHS_{_name}"] = _made
