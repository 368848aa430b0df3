"""A form that is being filled in says so, a moment after each pause; its page says so for it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from approvals import unsent
from approvals.errors import ApprovalError
from approvals.views import tickets


@require_POST
def keep(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Keep what is typed. Nobody asked for it, so a refusal is a status and no page."""
    ticket, posted = tickets.find(request, ticket_id), request.POST.dict()
    kind, digest = posted.pop("type", ""), posted.pop("digest", "")
    try:
        unsent.keep(ticket.pk, person=tickets.reader(request), kind=str(kind), digest=str(digest), posted=posted)
    except ApprovalError as refusal:
        return HttpResponse(status=refusal.status)
    return HttpResponse(status=204)
