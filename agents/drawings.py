"""What graphs look like, in rows: whoever loads a graph draws it, so that no page has to."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from django.db import DatabaseError
from django.db.models.functions import Now
from langgraph.pregel import Pregel

from agents.database import in_thread
from agents.errors import BrokenGraph
from agents.models import GraphDrawing
from approvals import plaintext

logger = logging.getLogger(__name__)

#: The first node of every graph that this process has drawn: the graph itself is copied for each run.
_drawn: WeakSet[Any] = WeakSet()


async def keep(name: str, graph: Pregel[Any, Any, Any, Any]) -> None:
    """Store how the graph looks, once per process. A picture that fails is a missing picture, never a failed run."""
    sign = next(iter(graph.nodes.values()), graph)
    if sign in _drawn:
        return
    try:
        await in_thread(_store, name, **_drawing(graph))
    except Exception:
        logger.warning("The graph %s cannot be drawn", name, exc_info=True)
    else:
        _drawn.add(sign)


def keep_broken(name: str, error: BrokenGraph) -> None:
    """Store why the graph cannot be loaded; the picture of when it could stays."""
    trace = "".join(traceback.format_exception(error.__cause__ or error))
    told = {"error": plaintext.text(str(error)), "traceback": plaintext.text(trace[-20_000:]), "seen_at": Now()}
    try:
        GraphDrawing.objects.update_or_create(name=name, defaults=told)
    except DatabaseError:
        logger.warning("It cannot be stored that the graph %s is broken", name, exc_info=True)


def _drawing(graph: Pregel[Any, Any, Any, Any]) -> dict[str, Any]:
    drawn = graph.get_graph(xray=True)
    # In order: what a branch leads to comes out of a set, and every process must tell the same.
    edges = sorted([edge.source, edge.target, bool(edge.conditional)] for edge in drawn.edges)
    told: dict[str, Any] = plaintext.json({"nodes": list(drawn.nodes), "edges": edges, "input_schema": _takes(graph)})
    return told


def _takes(graph: Pregel[Any, Any, Any, Any]) -> dict[str, Any]:
    with suppress(Exception):  # types without a schema: then it declares nothing
        return graph.get_input_jsonschema()
    return {}


def _store(name: str, **drawn: Any) -> None:
    told = {**drawn, "error": "", "traceback": ""}
    if not GraphDrawing.objects.filter(name=name, **told).exists():
        GraphDrawing.objects.update_or_create(name=name, defaults=told | {"seen_at": Now()})
