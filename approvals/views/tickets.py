"""One ticket: what will happen first, then who signs, why, and what was said."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from django.contrib.auth.models import User
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals import agreements, answer_form, differences, edits, forms, inbox, policy, unread, unsent
from approvals.errors import ApprovalError, InvalidArguments, StaleDigest, TooLarge
from approvals.models import Ticket, Unsent
from approvals.states import DecisionType
from approvals.views import facts, lists
from approvals.views import friction as asked


def reader(request: HttpRequest) -> User:
    """Who is looking; the middleware let nobody else through."""
    return cast("User", request.user)


def find(request: HttpRequest, ticket_id: int) -> Ticket:
    """The ticket among those the reader may see; any other is not found."""
    found = Ticket.objects.visible_to(reader(request)).for_list().prefetch_related("revisions__author")
    return get_object_or_404(found, pk=ticket_id)


@require_safe
def show(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """The page, or the ticket alone for htmx, which may come from another address."""
    ticket = find(request, ticket_id)
    response = _placed(request, ticket)
    if _is_look(request):
        with suppress(DatabaseError):  # what can be read is shown, also while nothing can be written
            unread.note(ticket, reader(request))
    return response


def afterwards(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    """The ticket as it stands once something was posted: by a redirect, which nobody sends twice with a reload; for
    htmx, which no reload repeats, at once."""
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(ticket)
    return _placed(request, find(request, ticket.pk))


@require_safe
def neighbour(request: HttpRequest, ticket_id: int, way: str) -> HttpResponse:
    """On to the next or back to the one before in the list it was opened from; past the ends is the inbox."""
    ticket, asked_for = find(request, ticket_id), lists.around(request)
    found = inbox.neighbour(
        reader(request), ticket, tab=asked_for.tab, filters=asked_for.filters, is_next=way == "next"
    )
    return redirect((found.get_absolute_url() if found else reverse("approvals:inbox")) + asked_for.query)


def page(
    request: HttpRequest,
    ticket: Ticket,
    *,
    refusal: ApprovalError | None = None,
    arguments: forms.ArgumentsForm | None = None,
    review: edits.Review | None = None,
    typed: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Draw the ticket as it stands; after a refusal with its sentence, its status and what was typed."""
    template = "approvals/_ticket.html" if request.htmx else "approvals/ticket.html"  # type: ignore[attr-defined]
    blind = policy.is_blind_for(reader(request), ticket)
    blocked = policy.blocked_reason(reader(request), ticket) if ticket.is_open else None
    begun = unsent.of(ticket, reader(request)) if ticket.is_open and not blocked else {}
    if typed is None:
        typed = request.POST.dict() if refusal else {}
    if arguments is None:
        arguments, review = (None, None) if blocked else _arguments(request, ticket, refusal, begun)
    context = {
        "ticket": ticket,
        "around": lists.around(request),
        "blind": blind,
        "blocked": blocked,
        "waiting": policy.waiting_reason(reader(request), ticket) if ticket.is_open else None,
        **facts.of(ticket, reader=reader(request), blind=blind),
        "arguments": arguments,
        "review": review,
        "answer": _answer(request, ticket, refusal, begun),
        "same": agreements.open_to(reader(request), ticket, blind=blind),
        "refusal": refusal,
        "since": _since(request, ticket) if isinstance(refusal, StaleDigest) else [],
        "typed": typed,
        "written": written(begun, typed),
        **asked.of_review(request, ticket, review, refusal=refusal),
    }
    response = render(request, template, context, status=asked.status_of(refusal))
    if refusal:
        response.headers["HX-Retarget"] = "#ticket"  # an error that names no place is not ours: static/js/problems.js
    return response


def _placed(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    response = page(request, ticket)
    response.headers["HX-Replace-Url"] = f"{ticket.get_absolute_url()}{lists.around(request).query}"
    return response


def _is_look(request: HttpRequest) -> bool:
    """Does somebody open the page now? Not one that looks again by itself, or is fetched in case it is wanted."""
    told = request.headers
    if request.method != "GET" or told.get("Sec-Purpose") or told.get("HX-Preloaded"):
        return False
    return bool(request.htmx) or told.get("Sec-Fetch-Mode", "navigate") == "navigate"  # type: ignore[attr-defined]


def written(begun: Mapping[str, Unsent], typed: Mapping[str, Any]) -> dict[str, str]:
    """The words for each kind of decision: what was begun, or what has just been sent and refused."""
    return {**unsent.words(begun), str(typed.get("type", "")): str(typed.get("message", ""))}


def _arguments(
    request: HttpRequest, ticket: Ticket, refusal: ApprovalError | None, begun: Mapping[str, Unsent]
) -> tuple[forms.ArgumentsForm | None, edits.Review | None]:
    """The form of an edit; after a refusal with what was typed, as a difference where that can be drawn."""
    if not ticket.is_open or DecisionType.EDIT not in ticket.allowed_decisions:
        return None, None
    if refusal is None or request.POST.get("type") != DecisionType.EDIT:
        return unsent.arguments(ticket, begun) or forms.ArgumentsForm(ticket.args, ticket.args_schema), None
    form = forms.edited(ticket, request.POST.dict())
    if not form.is_valid():
        return form, None
    try:
        return form, edits.review(ticket, form.args, editor=reader(request))
    except InvalidArguments as wrong:
        form.refuse(wrong.errors)
    except TooLarge as wrong:
        form.refuse([{"path": "", "message": str(wrong)}])
    return form, None


def _since(request: HttpRequest, ticket: Ticket) -> list[differences.Change]:
    """What is different from the version that this reader had before them."""
    seen = next((shown for shown in ticket.revisions.all() if shown.digest == request.POST.get("digest")), None)
    return differences.of(seen.args, ticket.args, ticket.args_schema) if seen else []


def _answer(
    request: HttpRequest, ticket: Ticket, refusal: ApprovalError | None, begun: Mapping[str, Unsent]
) -> answer_form.AnswerForm | None:
    """The fields of an answer, where the question says what it looks like; with what was typed and is wrong."""
    if not ticket.is_open or DecisionType.RESPOND not in ticket.allowed_decisions:
        return None
    if refusal is None or request.POST.get("type") != DecisionType.RESPOND:
        return answer_form.of(ticket, unsent.answer(begun))
    form = answer_form.of(ticket, request.POST.dict())
    if form and isinstance(refusal, InvalidArguments) and not form.all_errors:
        form.refuse(refusal.errors)
    return form
