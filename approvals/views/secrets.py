"""What is hidden on a ticket, shown once to somebody who may decide, by a POST that the record tells of."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from approvals import reveals
from approvals.views import refusals, tickets


@refusals.posted
@never_cache
@refusals.explained
def reveal(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """The values in the place of their marks; nothing of them stays on any other page."""
    ticket = tickets.find(request, ticket_id)
    found = reveals.reveal(ticket.pk, reader=tickets.reader(request), digest=request.POST.get("digest", ""))
    template = "approvals/_secrets.html" if request.htmx else "approvals/secrets.html"  # type: ignore[attr-defined]
    return render(request, template, {"ticket": ticket, "revealed": found})
