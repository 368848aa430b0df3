"""Several tickets under one word: compare them, decide, see what became of each, take it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals import bulk, clock, comparisons, wording
from approvals.errors import BulkRefused
from approvals.models import Batch, Ticket
from approvals.states import DecisionType
from approvals.views.tickets import reader

#: More than a word may decide at once is not drawn either.
MOST = max(bulk.MOST.values())
LONGEST = 10_000


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The chosen tickets side by side; a POST says one word on all of them."""
    if request.method != "POST":
        return _table(request, _found(request, request.GET.getlist("ticket")))
    shown = _shown(request)
    digests = {ticket_id: shown[str(ticket_id)] for ticket_id in _ids(shown)}
    said = request.POST.get("type", "")
    kind = DecisionType.APPROVE if said == DecisionType.APPROVE else DecisionType.REJECT
    try:
        if said not in bulk.MOST:
            raise BulkRefused("Say whether these are approved or rejected.")
        batch = bulk.record(digests, reviewer=reader(request), kind=kind, message=_words(request), now=clock.now())
    except BulkRefused as refusal:
        return _table(request, _found(request, shown), refusal=refusal)
    return redirect("approvals:batch", batch.pk)


@require_safe
def result(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """What became of each ticket; for whoever decided."""
    batch = get_object_or_404(Batch, pk=batch_id, reviewer=reader(request))
    results = bulk.results(batch, reader=reader(request))
    context = {
        "page": "inbox",
        "batch": batch,
        "unseen": bulk.unseen(batch, results),
        "done": [each.ticket for each in results if not each.refusal],
        "before": [each.ticket for each in results if each.is_decided],
        "refused": [each for each in results if each.refusal and not each.is_decided],
        "recallable": bulk.recallable(batch, results),
    }
    return render(request, "approvals/batch.html", context)


@require_POST
def recall(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """Take back what can still be taken back."""
    batch = get_object_or_404(Batch, pk=batch_id, reviewer=reader(request))
    taken = bulk.recall(batch, actor=reader(request))
    words = wording.counted(taken, "approval")
    if taken:
        messages.success(request, f"{words} taken back. The agents were not told, and the tickets wait again.")
    else:
        messages.warning(request, "Nothing could be taken back any more: the agents have been told.")
    return redirect("approvals:batch", batch.pk)


def _shown(request: HttpRequest) -> dict[str, str]:
    """The digest of each ticket as its row was drawn."""
    fields = request.POST.dict().items()
    return {name.removeprefix("digest-"): str(value) for name, value in fields if name.startswith("digest-")}


def _found(request: HttpRequest, ids: Iterable[str]) -> list[Ticket]:
    visible = Ticket.objects.visible_to(reader(request)).for_list()
    return list(visible.filter(pk__in=_ids(ids)).by_urgency())


def _ids(texts: Iterable[str]) -> list[int]:
    return [int(text) for text in texts if text.isascii() and text.isdecimal() and len(text) < 19][: MOST + 1]


def _words(request: HttpRequest) -> str:
    message = request.POST.get("message", "").strip()
    if len(message) > LONGEST:
        raise BulkRefused("A reason has at most 10,000 characters.")
    return message


def _table(request: HttpRequest, found: Sequence[Ticket], *, refusal: BulkRefused | None = None) -> HttpResponse:
    against = bulk.hindrances(found, reviewer=reader(request), now=clock.now())
    context = {
        "page": "inbox",
        "found": found,
        "comparison": comparisons.of(found),
        "against": [(ticket, against[ticket.pk]) for ticket in found if ticket.pk in against],
        "rest": [ticket for ticket in found if ticket.pk not in against],
        "too_many": bulk.too_many(found, DecisionType.APPROVE),
        "too_many_to_reject": bulk.too_many(found, DecisionType.REJECT),
        "refusal": refusal,
        "message": request.POST.get("message", ""),
    }
    return render(request, "approvals/bulk.html", context, status=refusal.status if refusal else 200)
