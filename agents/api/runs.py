"""Runs: started by a row and a worker, followed, and steered by whoever asked for them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Path, Router
from pydantic import BaseModel, ConfigDict, Field

from agents import access, inputs, registry, requests, wishes
from agents.errors import BadInput
from agents.models import Run, RunStatus
from approvals import masks
from approvals.api import waiting
from approvals.api.access import READ, REQUEST, is_agent, reader
from approvals.api.fields import Wait, Words
from approvals.api.problems import PROBLEMS
from approvals.api.shapes import reply
from approvals.models import Ticket

router = Router(tags=["runs"])

BUSY = {RunStatus.QUEUED, RunStatus.RUNNING}
#: Not every step of a run is in the record that the hub follows.
AT_MOST = 10.0

ThreadId = Annotated[str, Path(max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")]


class NewRun(BaseModel):
    """What to run: the graph's input, or a plain sentence for a graph that takes one."""

    model_config = ConfigDict(extra="forbid")

    graph: Words
    input: dict[str, Any] | None = None
    message: str | None = None
    #: Repeated with the same input it is the same run; with other words it goes on. Left out: a new one.
    thread_id: Words | None = None
    #: PROVIDER:MODEL; left out: the scripted one.
    model: Annotated[Words, Field(max_length=200)] = ""


class RunTicket(BaseModel):
    """A ticket of the run that the reader may see."""

    id: int
    action: str
    state: str
    url: str


class RunOut(BaseModel):
    """One run and where it stands."""

    thread_id: str
    url: str
    graph: str
    status: str
    requester: str | None
    model: str
    tickets: list[RunTicket]
    #: Null for who sees the run only because of one of its tickets.
    input: dict[str, Any] | None
    output: Any
    error: str | None
    waiting_at: list[str]
    created_at: datetime
    ended_at: datetime | None


@router.post("", auth=REQUEST, response={202: RunOut, **PROBLEMS})
def create(request: HttpRequest, body: NewRun) -> HttpResponse:
    """Ask a worker to run a graph."""
    entry = registry.get(body.graph)
    if (body.input is None) == (body.message is None):
        raise BadInput(why="give either “input” or “message”.")
    value = inputs.of_message(entry, body.message) if body.message is not None else body.input
    thread_id = body.thread_id or str(uuid.uuid4())
    run = requests.ask(graph=entry.name, value=value, thread_id=thread_id, requester=reader(request), model=body.model)
    return reply(_told(request, run), status=202)


@router.get("/{thread_id}", auth=READ, response={200: RunOut, **PROBLEMS})
def show(request: HttpRequest, thread_id: ThreadId, wait: Wait = 0) -> HttpResponse:
    """One run; with `wait` the answer comes as soon as it neither waits for a worker nor has one."""
    has_time = waiting.has_time(request, seconds=wait)
    run = _find(request, thread_id)
    if has_time and run.status in BUSY:
        return waiting.Later(request=request, streams=(f"run/{thread_id}",), at_most=AT_MOST)
    return reply(_told(request, run))


@router.post("/{thread_id}/cancel", auth=REQUEST, response={200: RunOut, **PROBLEMS})
def cancel(request: HttpRequest, thread_id: ThreadId) -> HttpResponse:
    """Cancel the run: at once, or after the step it is in."""
    return _steered(request, thread_id, wishes.request_cancel)


@router.post("/{thread_id}/repair", auth=REQUEST, response={200: RunOut, **PROBLEMS})
def repair(request: HttpRequest, thread_id: ThreadId) -> HttpResponse:
    """Have the open questions asked again: the answer that the graph could not use is taken back."""
    return _steered(request, thread_id, wishes.request_repair)


@router.post("/{thread_id}/retry", auth=REQUEST, response={200: RunOut, **PROBLEMS})
def retry(request: HttpRequest, thread_id: ThreadId) -> HttpResponse:
    """Have the failed step entered again."""
    return _steered(request, thread_id, wishes.request_retry)


def _steered(request: HttpRequest, thread_id: str, wish: Callable[..., Run]) -> HttpResponse:
    found = _find(request, thread_id)
    wish(found.thread_id, actor=reader(request))
    return reply(_told(request, _find(request, thread_id)))


def _find(request: HttpRequest, thread_id: str) -> Run:
    mine = Run.objects.visible_to(reader(request)).with_doubt().select_related("requester")
    return get_object_or_404(mine, thread_id=thread_id)


def _told(request: HttpRequest, run: Run) -> RunOut:
    seen = Ticket.objects.visible_to(reader(request)).filter(thread_id=run.thread_id).order_by("pk")
    is_theirs = is_agent(request) and run.requester_id == reader(request).pk

    def hide(told: Any) -> Any:
        return told if is_theirs else masks.value(told)

    return RunOut(
        thread_id=run.thread_id,
        url=settings.PUBLIC_URL + run.get_absolute_url(),
        graph=run.graph,
        status=run.standing,
        requester=run.requester.get_username() if run.requester else None,
        model=run.model,
        tickets=[
            RunTicket(id=t.pk, action=t.action, state=t.state, url=settings.PUBLIC_URL + t.get_absolute_url())
            for t in seen.only("pk", "action", "state")
        ],
        input=hide(run.input) if access.sees_everything(reader(request), run) else None,
        output=hide(run.output),
        error=hide(run.error) or None,
        waiting_at=run.waiting_at,
        created_at=run.created_at,
        ended_at=run.ended_at if run.standing.is_over else None,
    )
