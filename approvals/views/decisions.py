"""Decisions come by POST, never over the socket."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from approvals import decisions
from approvals.forms import DecisionForm
from approvals.models import Ticket
from approvals.views import refusals, tickets


@require_POST
@refusals.explained
def create(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Record the reviewer's word and show the ticket; htmx follows the redirect too."""
    reviewer = tickets.reader(request)
    ticket = get_object_or_404(Ticket.objects.visible_to(reviewer), pk=ticket_id)
    decision = DecisionForm(request.POST).decision(ticket)
    decided = decisions.record(ticket.pk, reviewer=reviewer, decision=decision)
    messages.success(request, _said(decided))
    return redirect(decided)


def _said(ticket: Ticket) -> str:
    if ticket.is_open:
        return "Your decision is recorded. Others still have to sign before anything happens."
    return f"Your decision is recorded. The ticket is {ticket.get_state_display().lower()} and the agent will be told."
