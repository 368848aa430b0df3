"""Decisions come by POST, never over the socket."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from approvals import decisions
from approvals import tickets as state_machine
from approvals.forms import DecisionForm
from approvals.models import Ticket
from approvals.states import Channel
from approvals.views import friction, refusals, tickets


@refusals.posted
@refusals.explained
def create(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Record the reviewer's word and show the ticket."""
    reviewer = tickets.reader(request)
    ticket = get_object_or_404(Ticket.objects.visible_to(reviewer), pk=ticket_id)
    decision = DecisionForm(request.POST).decision(ticket)
    judge = friction.judge(request, ticket, decision)
    decided = decisions.record(ticket.pk, reviewer=reviewer, decision=decision, via=Channel.BROWSER, judge=judge)
    messages.success(request, _said(decided))
    return tickets.afterwards(request, decided)


@refusals.posted
@refusals.explained
def recall(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Take an approval back before the agent is told."""
    reviewer = tickets.reader(request)
    ticket = get_object_or_404(Ticket.objects.visible_to(reviewer), pk=ticket_id)
    recalled = state_machine.recall(ticket.pk, actor=reviewer)
    messages.success(request, "The approval is taken back. The agent was not told, and the ticket waits again.")
    return tickets.afterwards(request, recalled)


def _said(ticket: Ticket) -> str:
    if ticket.is_open:
        return "Your decision is recorded."
    if ticket.release_at and ticket.resolved_at and ticket.release_at > ticket.resolved_at:
        return "Your decision is recorded. It can be taken back until the agent is told."
    return f"Your decision is recorded. The ticket is {ticket.get_state_display().lower()} and the agent will be told."
