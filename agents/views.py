"""The pages of runs. They read rows only: no graph is ever loaded to draw a page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from agents import access, history, layouts, portraits, registry, wishes
from agents import runs as runs_of
from agents.errors import AgentError
from agents.models import GraphDrawing, Run, RunStatus, Wish
from approvals.models import Ticket
from approvals.views.tickets import reader

SHOWN = 50
STEPS = 20
#: What may be asked of a run, and what is said when it was.
WISHES = {
    "cancel": (wishes.request_cancel, "The run is cancelled, or will be as soon as the step it is in ends."),
    "retry": (wishes.request_retry, "A worker will try the failed step again."),
    "repair": (wishes.request_repair, "A worker will ask the open questions again."),
}


@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """The runs the reader may see, newest first; `?after=` goes on from there."""
    after = request.GET.get("after", "")
    found = Run.objects.visible_to(request.user).told().order_by("-id")
    if after.isdecimal() and len(after) < 19:
        found = found.filter(pk__lt=int(after))
    context = {
        "page": "runs",
        "runs": list(found[: SHOWN + 1]),
        "shown": SHOWN,
        "after": after,
        "broken": GraphDrawing.objects.exclude(error=""),
        "faults": registry.faults(),
    }
    return render(request, "agents/runs.html", context)


@require_safe
def run(request: HttpRequest, thread_id: str) -> HttpResponse:
    """One run: where it stands, what it asked for, its graph, its steps, what was said, how it ended."""
    return _page(request, find(request, thread_id))


@require_POST
def steer(request: HttpRequest, thread_id: str, wish: str) -> HttpResponse:
    """Cancel, retry or repair the run; a refusal is the page with the sentence."""
    found = find(request, thread_id)
    ask, told = WISHES[wish]
    try:
        ask(found.thread_id, actor=reader(request))
    except AgentError as refusal:
        return _page(request, find(request, thread_id), refusal=refusal)
    messages.success(request, told)
    return redirect(found)


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
    return get_object_or_404(Run.objects.visible_to(request.user).told(), thread_id=thread_id)


def _page(request: HttpRequest, found: Run, *, refusal: AgentError | None = None) -> HttpResponse:
    """Draw the run as it stands, for this reader."""
    tickets = list(Ticket.objects.visible_to(request.user).filter(thread_id=found.thread_id).order_by("-id").for_list())
    marks = history.marks(found.thread_id)
    questions = access.questions(found, tickets=tickets)
    context = {
        "page": "runs",
        "run": found,
        "refusal": refusal,
        "tickets": tickets,
        "questions": questions,
        "effects": access.effects(request.user, found, tickets=tickets),
        "portrait": portraits.of(found, done=marks.done, failed=marks.failed),
        "waiting_at": _waiting_at(found),
        "talk": access.conversation(request.user, found, tickets=tickets),
        "sees_everything": access.sees_everything(request.user, found),
        "steering": _steering(request, found, is_asked=bool(questions)),
        **_steps(request, found),
    }
    return render(request, _template(request, "run"), context, status=refusal.status if refusal else 200)


def _steering(request: HttpRequest, found: Run, *, is_asked: bool) -> dict[str, Any] | None:
    """What this reader may ask of the run; None for those who may ask nothing. `is_asked`: people are, about doubt."""
    user = request.user
    if not wishes.may_steer(user, found):
        return None
    is_failed = found.status == RunStatus.FAILED
    return {
        "cancel": wishes.may_cancel(user, found),
        "retry": wishes.may_retry(user, found),
        "repair": wishes.may_repair(user, found),
        "doubt": runs_of.in_doubt(found.thread_id) if is_failed and not is_asked else None,
        "is_cancelling": found.status == RunStatus.RUNNING and found.wish == Wish.CANCEL,
    }


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
    return " and ".join(layouts.way(place) for place in places)
