"""Changing the state of a graph that stands at a breakpoint, so that it still stands there afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import InvalidUpdateError
from langgraph.pregel import Pregel
from langgraph.types import StateUpdate

from agents.errors import NotRun


async def apply(
    graph: Pregel[Any, Any, Any, Any],
    values: dict[str, Any],
    *,
    config: RunnableConfig,
    may_go_to: Callable[[str], object] = lambda name: False,
) -> None:
    """Write the values. Raises NotRun where the graph would then go elsewhere than it was going, or may go."""
    before = (await graph.aget_state(config)).next
    try:
        await graph.aupdate_state(config, values)
    except InvalidUpdateError:
        # Several nodes ran in the last step, and LangGraph will not choose: what they led to stays as it was.
        await _apply_behind(graph, values, config=config)
    after = (await graph.aget_state(config)).next
    if sorted(after) != sorted(before) and not (after and all(may_go_to(name) for name in after)):
        raise NotRun(places=", ".join(sorted(set(after))) or "its end")


async def _apply_behind(graph: Pregel[Any, Any, Any, Any], values: dict[str, Any], *, config: RunnableConfig) -> None:
    """Write the values as the nodes that ran last, each of which is said to have run again."""
    first, *others = await _last_nodes(graph, config=config)
    updates = [StateUpdate(values, first), *(StateUpdate({}, name) for name in others)]
    await graph.abulk_update_state(config, [updates])


async def _last_nodes(graph: Pregel[Any, Any, Any, Any], *, config: RunnableConfig) -> Sequence[str]:
    now, *before = [snapshot async for snapshot in graph.aget_state_history(config, limit=2)]
    ran = sorted({task.name for snapshot in before for task in snapshot.tasks})
    if not ran or (now.metadata or {}).get("source") != "loop":
        raise NotRun("Nothing was run: the state cannot be changed here. People are asked again.")
    return ran
