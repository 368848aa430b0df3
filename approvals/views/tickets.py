"""One ticket: what will happen first, then who signs, why, and what was said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from approvals import (
    agreements,
    answer_form,
    differences,
    display,
    edits,
    extensions,
    findings,
    forms,
    friction,
    history,
    inbox,
    policy,
    reveals,
    schemas,
    tickets,
    unsent,
)
from approvals.audit import bodies
from approvals.errors import ApprovalError, InvalidArguments, StaleDigest, TooLarge
from approvals.models import AuditEntry, Revision, Snooze, Ticket, Unsent
from approvals.states import DecisionType
from approvals.views import friction as asked

#: More of what a run asked for before is on the page of the run.
EARLIER = 5


def reader(request: HttpRequest) -> User:
    """Who is looking; the middleware let nobody else through."""
    return cast("User", request.user)


def find(request: HttpRequest, ticket_id: int) -> Ticket:
    """The ticket among those the reader may see; any other is not found."""
    return get_object_or_404(Ticket.objects.visible_to(reader(request)).for_list(), pk=ticket_id)


@require_safe
def show(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """The page, or the ticket alone for htmx, which may come from another address."""
    ticket = find(request, ticket_id)
    response = page(request, ticket)
    response.headers["HX-Replace-Url"] = ticket.get_absolute_url()
    return response


@require_safe
def neighbour(request: HttpRequest, ticket_id: int, way: str) -> HttpResponse:
    """On to the next or back to the one before among those that wait for the reader; past the ends is the inbox."""
    found = inbox.neighbour(reader(request), find(request, ticket_id), is_next=way == "next")
    return redirect(found or "approvals:inbox")


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
        arguments, review = _arguments(request, ticket, refusal, begun)
    context = {
        "ticket": ticket,
        "attention": _attention(request, ticket, blind=blind) if ticket.is_open else None,
        "blind": blind,
        "blocked": blocked,
        "waiting": policy.waiting_reason(reader(request), ticket) if ticket.is_open else None,
        "may_recall": tickets.may_recall(ticket, reader(request)),
        "signatures": display.signatures(ticket, blind=blind),
        "signers": _signers(ticket),
        **hidden(request, ticket),
        "erasure": _erasure(ticket),
        "edits": [] if ticket.erased_at else list(_edits(ticket)),
        "findings": findings.of(ticket, reader=reader(request)),
        "earlier": _earlier(request, ticket),
        "follows": _follows(request, ticket),
        "followed_by": None if ticket.is_open else _followed_by(request, ticket),
        "history": list(history.of(ticket, hidden_from=reader(request) if blind else None)),
        "grants": [] if ticket.is_open else list(ticket.grants.live().select_related("granted_by", "requester")),
        "arguments": arguments,
        "review": review,
        "care": friction.of(ticket.policy, risk=ticket.risk, gate=ticket.gate),
        "answer": _answer(request, ticket, refusal, begun),
        "same": agreements.open_to(reader(request), ticket, blind=blind),
        "no_edit": schemas.put_aside(ticket.args_schema),
        "no_answer": schemas.put_aside(ticket.answer_schema),
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


def written(begun: Mapping[str, Unsent], typed: Mapping[str, Any]) -> dict[str, str]:
    """The words for each kind of decision: what was begun, or what has just been sent and refused."""
    return {**unsent.words(begun), str(typed.get("type", "")): str(typed.get("message", ""))}


def hidden(request: HttpRequest, ticket: Ticket) -> dict[str, Any]:
    """What is hidden on the page of an open ticket, and whether this reader may have it shown."""
    found = reveals.of(ticket) if ticket.is_open else []
    return {"secrets": found, "may_reveal": bool(found) and reveals.may_reveal(ticket, reader(request))}


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
    seen = ticket.revisions.filter(digest=request.POST.get("digest", "")[:64]).first()
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


def _edits(ticket: Ticket) -> Iterator[tuple[Revision, list[differences.Change]]]:
    """Each later revision with its differences from the one before, newest first."""
    pairs = list(pairwise(ticket.revisions.all()))
    for before, after in reversed(pairs):
        yield after, differences.of(before.args, after.args, ticket.args_schema)


def _erasure(ticket: Ticket) -> AuditEntry | None:
    """What the record says of the erasure of its words."""
    told = AuditEntry.objects.filter(ticket=ticket, type=bodies.ERASED).order_by("-id")
    return told.select_related("actor").first() if ticket.erased_at else None


def _follows(request: HttpRequest, ticket: Ticket) -> dict[str, Any] | None:
    """The refused ticket that this one asks for again, if the reader may see it, and what is different now."""
    if ticket.follows_id is None:
        return None
    earlier = Ticket.objects.visible_to(reader(request)).filter(pk=ticket.follows_id).first()
    changes = differences.of(earlier.args, ticket.args, ticket.args_schema) if earlier else []
    return {"ticket": earlier, "changes": changes}


def _earlier(request: HttpRequest, ticket: Ticket) -> list[Ticket]:
    """What the run asked for before, the latest first."""
    same = Ticket.objects.visible_to(reader(request)).filter(thread_id=ticket.thread_id, pk__lt=ticket.pk)
    return list(same.prefetch_related("revisions").order_by("-pk")[:EARLIER])


def _followed_by(request: HttpRequest, ticket: Ticket) -> Ticket | None:
    return Ticket.objects.visible_to(reader(request)).filter(follows=ticket).first()


def _signers(ticket: Ticket) -> dict[str, Any]:
    """Who can still sign for each group, by name. One query."""
    names: dict[str, list[str]] = {}
    groups = [need.group_id for need in ticket.requirements.all()]
    people = User.objects.filter(is_active=True, groups__in=groups).order_by("username")
    if ticket.bar_requester and ticket.requester_id:
        people = people.exclude(pk=ticket.requester_id)
    spoken = [vote.reviewer_id for vote in ticket.decisions.all() if vote.stands(ticket.revision)]
    for group, name in people.exclude(pk__in=spoken).values_list("groups__name", "username"):
        names.setdefault(group, []).append(name)
    return names
