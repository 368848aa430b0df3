"""Approvals that are remembered are taken back by POST."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from approvals import grants
from approvals.views import refusals, tickets


@refusals.posted
@refusals.explained
def revoke(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """From now on the same is asked again; whoever may see the ticket may say so."""
    ticket = tickets.find(request, ticket_id)
    grants.revoke(ticket.pk, actor=tickets.reader(request))
    messages.success(request, "The same is asked again from now on.")
    return tickets.afterwards(request, ticket)
