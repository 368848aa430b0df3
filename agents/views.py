"""The pages of runs. They read rows only: no graph is ever loaded to draw a page."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from agents import access, history, pictures, portraits
from agents.models import Run, RunStatus
from approvals.models import Ticket

SHOWN = 50
STEPS = 20


@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """The runs the reader may see, newest first; `?after=` goes on from there."""
    after = request.GET.get("after", "")
    found = Run.objects.visible_to(request.user).select_related("requester").order_by("-id")
    if after.isdecimal() and len(after) < 19:
        found = found.filter(pk__lt=int(after))
    context = {"page": "runs", "runs": list(found[: SHOWN + 1]), "shown": SHOWN, "after": after}
    return render(request, "agents/runs.html", context)


@require_safe
def run(request: HttpRequest, thread_id: str) -> HttpResponse:
    """One run: where it stands, what it asked for, its graph, its steps, what was said, how it ended."""
    found = find(request, thread_id)
    tickets = list(Ticket.objects.visible_to(request.user).filter(thread_id=thread_id).order_by("-id").for_list())
    marks = history.marks(thread_id)
    context = {
        "page": "runs",
        "run": found,
        "tickets": tickets,
        "portrait": portraits.of(found, done=marks.done, failed=marks.failed),
        "waiting_at": _waiting_at(found),
        "talk": access.conversation(request.user, found, tickets=tickets),
        "sees_everything": access.sees_everything(request.user, found),
        **_steps(request, found),
    }
    return render(request, _template(request, "run"), context)


@require_safe
def steps(request: HttpRequest, thread_id: str) -> HttpResponse:
    """The steps before `?before=`, newest first."""
    found = _find_whole(request, thread_id)
    return render(request, _template(request, "steps"), {"page": "runs", "run": found, **_steps(request, found)})


@require_safe
def step(request: HttpRequest, thread_id: str, checkpoint_id: str) -> HttpResponse:
    """The values that one step changed."""
    # Imported when somebody asks: reading values needs LangGraph, which the web does without until then.
    from agents import step_values

    found = _find_whole(request, thread_id)
    changes = step_values.changes(thread_id, checkpoint_id)
    if changes is None:
        raise Http404
    return render(request, _template(request, "step"), {"page": "runs", "run": found, "changes": changes})


def find(request: HttpRequest, thread_id: str) -> Run:
    """The run among those the reader may see; any other is not found."""
    if "\x00" in thread_id:
        raise Http404
    return get_object_or_404(Run.objects.visible_to(request.user).select_related("requester"), thread_id=thread_id)


def _find_whole(request: HttpRequest, thread_id: str) -> Run:
    found = find(request, thread_id)
    if not access.sees_everything(request.user, found):
        raise Http404
    return found


def _template(request: HttpRequest, name: str) -> str:
    return f"agents/_{name}.html" if request.htmx else f"agents/{name}.html"  # type: ignore[attr-defined]


def _steps(request: HttpRequest, found: Run) -> dict[str, Any]:
    """One page of steps for those who may read them."""
    before = request.GET.get("before", "")
    if not access.sees_everything(request.user, found) or "\x00" in before:
        return {"steps": [], "earlier": ""}
    page = history.steps(found.thread_id, limit=STEPS + 1, before=before)
    return {"steps": page[:STEPS], "earlier": page[STEPS - 1].checkpoint_id if len(page) > STEPS else ""}


def _waiting_at(found: Run) -> str:
    """The nodes a paused run waits at, in words."""
    places = found.waiting_at if found.status == RunStatus.PAUSED else []
    return " and ".join(pictures.way(place) for place in places)
