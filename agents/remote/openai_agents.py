"""Approval in the OpenAI Agents SDK: what interrupts a run becomes tickets, and what people decide goes into its state.

    result = await Runner.run(agent, "…")
    while result.interruptions:
        state = await openai_agents.answered(result, client=countersign)
        result = await Runner.run(agent, state)
        await openai_agents.report(result, client=countersign)

Each call is a ticket of its own under its `call_id`. The SDK refuses changed arguments, so an edit is not offered:
people approve or reject. Where `allowed_decisions` offers it all the same, an edited call is not run and the model is
told which arguments were approved. The SDK hands an error of a tool to the model as text, and that is what is
reported then. Its package is called `agents`: install `countersign-client[openai-agents]`, import
`countersign.openai_agents`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from . import deferred
from .client import Countersign
from .deferred import HeldCall

FRAMEWORK = "openai-agents"
ALLOWED = ["approve", "reject"]


async def answered(result: Any, *, client: Countersign, timeout: float | None = None, **fields: Any) -> Any:
    """The state to run on with, every interruption of the result approved or rejected. Raises StillWaiting.

    People are waited for in a thread, so the event loop goes on.
    """
    return await asyncio.to_thread(answered_sync, result, client=client, timeout=timeout, **fields)


def answered_sync(result: Any, *, client: Countersign, timeout: float | None = None, **fields: Any) -> Any:
    """As `answered`, for `Runner.run_sync`."""
    told = {"allowed_decisions": ALLOWED} | fields
    held = list(map(_held, result.interruptions))
    asked = [(call, deferred.ask(call, client=client, **told)) for call in held]
    found = deferred.settle_all(asked, client=client, timeout=timeout)
    state = result.to_state()
    for item, verdict in zip(result.interruptions, found, strict=True):
        if isinstance(verdict, deferred.Denied):
            state.reject(item, rejection_message=verdict.why)
        else:
            state.approve(item)
    return state


async def report(result: Any, *, client: Countersign) -> None:
    """Say what became of the approved calls; what this agent did not ask people about is passed over."""
    await asyncio.to_thread(report_sync, result, client=client)


def report_sync(result: Any, *, client: Countersign) -> None:
    """As `report`, for `Runner.run_sync`."""
    for item in result.new_items:
        if item.type == "tool_call_output_item":
            deferred.report(f"{FRAMEWORK}/{item.call_id}", result=str(item.output), client=client)


def _held(item: Any) -> HeldCall:
    args = json.loads(item.arguments or "{}")
    return HeldCall(framework=FRAMEWORK, call_id=item.call_id, action=item.name, args=args)
