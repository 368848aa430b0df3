"""The one place where a refusal becomes a response."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from approvals.errors import ApprovalError, CareMissing, ConfirmationRequired, SignInAgain
from approvals.models import Ticket
from approvals.states import DecisionType
from approvals.views import panels, tickets

#: What somebody who may approve has left out.
CARE = (CareMissing, SignInAgain, ConfirmationRequired)
View = Callable[[HttpRequest, int], HttpResponse]


def posted(view: View) -> View:
    """Only by POST. A browser that is led to the address, as by a reload or a pasted one, is sent to the ticket."""
    answered = require_POST(view)

    @wraps(view)
    def posting(request: HttpRequest, ticket_id: int) -> HttpResponse:
        if request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate":
            return redirect(tickets.find(request, ticket_id))
        return answered(request, ticket_id)

    return posting


def explained(view: View) -> View:
    """Answer a refused decision with the ticket as it stands now, the sentence, and what was typed."""

    @wraps(view)
    def explaining(request: HttpRequest, ticket_id: int) -> HttpResponse:
        try:
            return view(request, ticket_id)
        except ApprovalError as refusal:
            return _told(request, tickets.find(request, ticket_id), refusal)

    return explaining


def _told(request: HttpRequest, ticket: Ticket, refusal: ApprovalError) -> HttpResponse:
    """On the page it was done on; what is missing from an approval is said where it can be given."""
    is_approval = request.POST.get("type") == DecisionType.APPROVE
    if is_approval and isinstance(refusal, CARE) and panels.may_approve(request, ticket):
        return panels.page(request, ticket, refusal=refusal)
    return tickets.page(request, ticket, refusal=refusal)
