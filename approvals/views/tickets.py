"""One ticket: what will happen first, then who signs, why, and what was said."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from approvals import answer_form, display, extensions, forms, history, policy, schemas, tickets
from approvals.errors import ApprovalError, ConfirmationRequired, InvalidArguments
from approvals.models import Revision, Snooze, Ticket
from approvals.states import DecisionType


def reader(request: HttpRequest) -> User:
    """Who is looking; the middleware let nobody else through."""
    return cast("User", request.user)


def find(request: HttpRequest, ticket_id: int) -> Ticket:
    """The ticket among those the reader may see; any other is not found."""
    return get_object_or_404(Ticket.objects.visible_to(reader(request)).for_list(), pk=ticket_id)


@require_safe
def show(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """The page, or the ticket alone for htmx."""
    return page(request, find(request, ticket_id))


def page(request: HttpRequest, ticket: Ticket, *, refusal: ApprovalError | None = None) -> HttpResponse:
    """Draw the ticket as it stands; after a refusal with its sentence, its status and what was typed."""
    template = "approvals/_ticket.html" if request.htmx else "approvals/ticket.html"  # type: ignore[attr-defined]
    blind = policy.is_blind_for(reader(request), ticket)
    context = {
        "ticket": ticket,
        "attention": _attention(request, ticket, blind=blind) if ticket.is_open else None,
        "blind": blind,
        "blocked": policy.blocked_reason(reader(request), ticket) if ticket.is_open else None,
        "waiting": policy.waiting_reason(reader(request), ticket) if ticket.is_open else None,
        "may_recall": tickets.may_recall(ticket, reader(request)),
        "confirm_edit": _confirm_edit(request, refusal),
        "signatures": display.signatures(ticket),
        "signers": _signers(ticket),
        "edits": list(_edits(ticket)),
        "follows": _follows(request, ticket),
        "followed_by": None if ticket.is_open else _followed_by(request, ticket),
        "history": list(history.of(ticket, hidden_from=reader(request) if blind else None)),
        "grants": [] if ticket.is_open else list(ticket.grants.live().select_related("granted_by", "requester")),
        "arguments": _arguments(request, ticket, refusal),
        "answer": _answer(request, ticket, refusal),
        "no_edit": schemas.put_aside(ticket.args_schema),
        "no_answer": schemas.put_aside(ticket.answer_schema),
        "refusal": refusal,
        "typed": request.POST if refusal else {},
    }
    response = render(request, template, context, status=refusal.status if refusal else 200)
    if refusal:
        response.headers["HX-Retarget"] = "#ticket"  # an error that names no place is not ours: static/js/problems.js
    return response


def _attention(request: HttpRequest, ticket: Ticket, *, blind: bool) -> dict[str, Any]:
    """What the reader can do beside deciding, and what they have done."""
    me = reader(request)
    return {
        # Who may still decide is everybody but those who have: where that is hidden, so is this.
        "colleagues": [] if blind else list(policy.colleagues(ticket, of=me).values_list("username", flat=True)),
        "snoozed": Snooze.objects.live().filter(ticket=ticket, person=me).first(),
        "more_time": 0 if extensions.why_not(ticket) else extensions.seconds_of(ticket),
        "no_more_time": extensions.why_not(ticket) if ticket.extensions else "",
    }


def _confirm_edit(request: HttpRequest, refusal: ApprovalError | None) -> str:
    """What an edit has to be confirmed with: known once it was refused, for then its arguments are."""
    is_edit = request.POST.get("type") == DecisionType.EDIT
    return str(refusal.facts["confirm_text"]) if is_edit and isinstance(refusal, ConfirmationRequired) else ""


def _arguments(request: HttpRequest, ticket: Ticket, refusal: ApprovalError | None) -> forms.ArgumentsForm | None:
    if not ticket.is_open or DecisionType.EDIT not in ticket.allowed_decisions:
        return None
    if refusal is None or request.POST.get("type") != DecisionType.EDIT:
        return forms.ArgumentsForm(ticket.args, ticket.args_schema)
    form = forms.edited(ticket, request.POST.dict())
    if isinstance(refusal, InvalidArguments) and form.is_valid():
        form.refuse(refusal.errors)
    return form


def _answer(request: HttpRequest, ticket: Ticket, refusal: ApprovalError | None) -> answer_form.AnswerForm | None:
    """The fields of an answer, where the question says what it looks like; with what was typed and is wrong."""
    if not ticket.is_open or DecisionType.RESPOND not in ticket.allowed_decisions:
        return None
    if refusal is None or request.POST.get("type") != DecisionType.RESPOND:
        return answer_form.of(ticket)
    form = answer_form.of(ticket, request.POST.dict())
    if form and isinstance(refusal, InvalidArguments) and not form.all_errors:
        form.refuse(refusal.errors)
    return form


def _edits(ticket: Ticket) -> Iterator[tuple[Revision, list[display.Change]]]:
    """Each later revision with its differences from the one before, newest first."""
    pairs = list(pairwise(ticket.revisions.all()))
    for before, after in reversed(pairs):
        yield after, list(display.changes(before.args, after.args))


def _follows(request: HttpRequest, ticket: Ticket) -> dict[str, Any] | None:
    """The refused ticket that this one asks for again, if the reader may see it, and what is different now."""
    if ticket.follows_id is None:
        return None
    earlier = Ticket.objects.visible_to(reader(request)).filter(pk=ticket.follows_id).first()
    return {"ticket": earlier, "changes": list(display.changes(earlier.args, ticket.args)) if earlier else []}


def _followed_by(request: HttpRequest, ticket: Ticket) -> Ticket | None:
    return Ticket.objects.visible_to(reader(request)).filter(follows=ticket).first()


def _signers(ticket: Ticket) -> dict[str, Any]:
    """Who can sign for each group, by name. One query."""
    names: dict[str, list[str]] = {}
    groups = [need.group_id for need in ticket.requirements.all()]
    people = User.objects.filter(is_active=True, groups__in=groups).order_by("username")
    if ticket.bar_requester and ticket.requester_id:
        people = people.exclude(pk=ticket.requester_id)
    for group, name in people.values_list("groups__name", "username"):
        names.setdefault(group, []).append(name)
    return names
