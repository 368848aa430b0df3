"""An open page says so every 25 seconds, and hears who else is looking.

Where the others' words are hidden, so is this: whoever was deciding and has gone is known to have decided.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from approvals import policy, presence
from approvals.views import tickets


@require_POST
def note(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """I am looking; the others who are."""
    ticket, reader = tickets.find(request, ticket_id), tickets.reader(request)
    if not ticket.is_open:
        return HttpResponse("")
    presence.note(ticket, reader, is_deciding="deciding" in request.POST)
    others = [] if policy.is_blind_for(reader, ticket) else presence.others(ticket, than=reader)
    return render(request, "approvals/_presence.html", {"others": others})
