"""Which graphs there are to run."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel

from agents import inputs, registry
from agents.models import GraphDrawing
from approvals.api.access import READ
from approvals.api.problems import PROBLEMS
from approvals.api.shapes import reply

router = Router(tags=["graphs"])


class GraphOut(BaseModel):
    """One registered graph."""

    name: str
    description: str
    #: JSON Schema of its input; null until a worker has loaded a graph whose entry does not say.
    input_schema: dict[str, Any] | None
    #: Why it cannot be run; null where nothing is known against it.
    error: str | None


class Graphs(BaseModel):
    """All of them, by name."""

    items: list[GraphOut]


@router.get("", auth=READ, response={200: Graphs, **PROBLEMS})
def index(request: HttpRequest) -> HttpResponse:
    """Every registered graph with what it takes."""
    broken = dict(GraphDrawing.objects.exclude(error="").values_list("name", "error"))
    declared = inputs.schemas()
    return reply(
        Graphs(
            items=[
                GraphOut(
                    name=name,
                    description=entry.description,
                    input_schema=entry.input_schema or declared.get(name) or None,
                    error=entry.fault or broken.get(name),
                )
                for name, entry in sorted(registry.entries().items())
            ]
        )
    )
