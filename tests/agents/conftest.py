"""Graphs as a project would bring them, and a thread that resumes."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# As agents/apps.py does; this file is read before Django is set up, and LangGraph reads it at import.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

from tests.agents import breakpoint_graphs, broken_graphs, example_graphs, heavy_graphs, seed_graphs, stranger_graphs


@pytest.fixture
def runtime(transactional_db: None) -> None:
    """The checkpoint tables beside Django's."""
    from agents import checkpoints

    checkpoints.setup_sync()
    example_graphs.EFFECTS.clear()
    broken_graphs.TROUBLE.clear()


@pytest.fixture
def project(settings: Any, tmp_path: Path) -> Path:
    """A langgraph.json that names the example graphs."""
    from tests.agents import ledger_graphs, twin_graphs

    modules = (
        example_graphs,
        broken_graphs,
        seed_graphs,
        stranger_graphs,
        heavy_graphs,
        breakpoint_graphs,
        ledger_graphs,
        twin_graphs,
    )
    graphs: dict[str, Any] = {name: f"{module.__name__}:{name}" for module in modules for name in module.NAMES}
    words = {"approve": "approved", "reject": "rejected"}
    graphs["worded"] = {"path": graphs["two_questions"], "words": words}
    graphs["approval"] = {"path": graphs["approval"], "words": words}
    # What their entries say about two that are answered in words of their own.
    flat = {"approve": {"action": "approve", "**": "{args}"}, "reject": {"action": "reject"}}
    graphs["tool_asks"] = {"path": graphs["tool_asks"], "words": flat, "asks": {"tools": {"call": True}}}
    graphs["assistance"] = {"path": graphs["assistance"], "words": {"respond": {"data": "{message}"}}}
    for name in ("by_hand", "steps", "delayed", "asks_between", *twin_graphs.NAMES):
        graphs[name] = {"path": graphs[name], "is_guarded": True}
    part = {"send": {"action": "send", "args": ["title"]}}
    graphs["huge_draft_in_part"] = {"path": graphs["huge_draft_in_part"], "asks": part}
    file = tmp_path / "langgraph.json"
    file.write_text(json.dumps({"graphs": graphs}))
    settings.COUNTERSIGN_GRAPHS = [file]
    return file


@pytest.fixture
def start(runtime: None, project: Path, cast: dict[str, Any]) -> Callable[..., Any]:
    """Start a graph as Dave and return its run."""
    from agents import runner

    def start(graph: str, value: dict[str, Any] | None = None, *, thread_id: str = "") -> Any:
        return runner.start_sync(
            graph=graph,
            input={"asked": "x"} if value is None else value,
            thread_id=thread_id or str(uuid.uuid4()),
            requester_id=cast["dave"].pk,
        )

    return start


@pytest.fixture
def resume() -> Callable[..., Any]:
    """Resume a ticket's thread as a worker would, and return its run."""
    from agents import runner
    from agents.models import Run

    def resume(ticket: Any) -> Any:
        runner.resume_sync(ticket.thread_id, ticket.pk)
        return Run.objects.get(thread_id=ticket.thread_id)

    return resume


@pytest.fixture
def run_together() -> Callable[..., list[Any]]:
    """Run coroutines at once in one loop; what one raises is its result."""

    def run_together(*work: Any) -> list[Any]:
        async def together() -> list[Any]:
            from agents import checkpoints

            try:
                return await asyncio.gather(*work, return_exceptions=True)
            finally:
                await checkpoints.close()

        return asyncio.run(together())

    return run_together
