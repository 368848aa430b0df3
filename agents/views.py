"""The pages of runs. They read rows only: no graph is ever loaded to draw a page."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from agents import portraits
from agents.models import Run, RunStatus
from approvals.models import Ticket

SHOWN = 50


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
    """One run: where it stands, what was said, what it asked for, how it ended."""
    if "\x00" in thread_id:
        raise Http404
    found = get_object_or_404(Run.objects.visible_to(request.user).select_related("requester"), thread_id=thread_id)
    tickets = Ticket.objects.visible_to(request.user).filter(thread_id=thread_id).order_by("-id").for_list()
    template = "agents/_run.html" if request.htmx else "agents/run.html"  # type: ignore[attr-defined]
    context = {
        "page": "runs",
        "run": found,
        "tickets": list(tickets),
        "portrait": portraits.of(found),
        "waiting_at": _waiting_at(found),
    }
    return render(request, template, context)


def _waiting_at(found: Run) -> str:
    """The nodes a paused run waits at, in words."""
    places = found.waiting_at if found.status == RunStatus.PAUSED else []
    return " and ".join(portraits.way(place) for place in places)
