"""The page on which something of high risk is approved: all of it unfolded, what follows, what was checked."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from approvals import display, findings, friction, looks, policy, timeouts, unsent
from approvals.errors import ApprovalError
from approvals.models import Ticket
from approvals.states import Channel, DecisionType
from approvals.views import facts, lists, tickets
from approvals.views import friction as asked


@require_safe
def show(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """The page; whoever may not approve is sent to the ticket, which says why."""
    ticket = tickets.find(request, ticket_id)
    return page(request, ticket) if may_approve(request, ticket) else redirect(ticket)


def may_approve(request: HttpRequest, ticket: Ticket) -> bool:
    """Could this reader approve it now, as far as a page can tell?"""
    reader = tickets.reader(request)
    is_allowed = ticket.is_open and DecisionType.APPROVE in ticket.allowed_decisions
    return is_allowed and not (policy.blocked_reason(reader, ticket) or policy.waiting_reason(reader, ticket))


def page(request: HttpRequest, ticket: Ticket, *, refusal: ApprovalError | None = None) -> HttpResponse:
    """Draw it; after a refusal with what is missing beside its field, and what was typed."""
    care = friction.of_ticket(ticket)
    is_second, reader, before = asked.is_quick(refusal), tickets.reader(request), request.POST.get("seen", "")
    blind = policy.is_blind_for(tickets.reader(request), ticket)
    typed = request.POST.dict() if refusal else {}
    context = {
        "ticket": ticket,
        "around": lists.around(request),
        "blind": blind,
        "care": care,
        "findings": findings.of(ticket, reader=reader),
        "signatures": display.signatures(ticket, blind=blind),
        **facts.hidden(ticket, reader=tickets.reader(request)),
        "taken_back": facts.taken_back(ticket, reader),
        "checked": asked.checked(ticket, ticket.args),
        "seen": looks.note(ticket, ticket.args, reader_id=reader.pk, is_second=is_second, before=before),
        "is_second": is_second,
        "must_sign_in": care.sign_in and not asked.has_signed_in_lately(request),
        "held": timedelta(seconds=timeouts.recall_window(ticket.recall_seconds, risk=ticket.risk, via=Channel.BROWSER)),
        "refusal": refusal,
        "missing": asked.missing(refusal),
        "typed": typed,
        "written": tickets.written(unsent.of(ticket, reader), typed),
    }
    template = "approvals/_approve.html" if request.htmx else "approvals/approve.html"  # type: ignore[attr-defined]
    response = render(request, template, context, status=asked.status_of(refusal))
    if refusal:
        response.headers["HX-Retarget"] = "#ticket"
    return response
