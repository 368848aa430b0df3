"""The one place where a refusal becomes a response."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse

from approvals.errors import ApprovalError
from approvals.views import tickets

View = Callable[[HttpRequest, int], HttpResponse]


def explained(view: View) -> View:
    """Answer a refused decision with the ticket as it stands now, the sentence, and what was typed."""

    @wraps(view)
    def explaining(request: HttpRequest, ticket_id: int) -> HttpResponse:
        try:
            return view(request, ticket_id)
        except ApprovalError as refusal:
            return tickets.page(request, tickets.find(request, ticket_id), refusal=refusal)

    return explaining
