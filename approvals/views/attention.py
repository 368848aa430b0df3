"""Who looks after a ticket: claim it, hand it over, put it off, ask for more time. Each is a POST to a noun."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from approvals import claims, extensions, handovers, snoozes, unread
from approvals.forms import HandoverForm, NoteForm, SnoozeForm
from approvals.views import refusals, tickets


@refusals.posted
@refusals.explained
def claim(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """I am on it."""
    ticket = tickets.find(request, ticket_id)
    claims.take(ticket.pk, person=tickets.reader(request), note=NoteForm(request.POST).words())
    messages.success(request, "The others see that you are on it for the next 5 minutes.")
    return tickets.afterwards(request, ticket)


@refusals.posted
@refusals.explained
def release(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """I am not on it any more."""
    ticket = tickets.find(request, ticket_id)
    claims.release(ticket.pk, person=tickets.reader(request))
    return tickets.afterwards(request, ticket)


@refusals.posted
@refusals.explained
def hand_over(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Ask a colleague to look."""
    ticket, giver = tickets.find(request, ticket_id), tickets.reader(request)
    receiver, note = HandoverForm(request.POST).receiver_and_note(ticket, giver)
    handovers.give(ticket.pk, giver=giver, receiver=receiver, note=note)
    messages.success(request, f"{receiver.get_username()} has it now at the top of the inbox. You may still decide.")
    return tickets.afterwards(request, ticket)


@require_POST
def note_seen(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """I know this one."""
    unread.note(tickets.find(request, ticket_id), tickets.reader(request))
    return redirect("approvals:inbox")


@require_POST
def forget_seen(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """As if I had not opened it."""
    unread.forget(tickets.find(request, ticket_id), tickets.reader(request))
    return redirect("approvals:inbox")


@require_http_methods(["GET", "HEAD", "POST"])
@refusals.explained
def snooze(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Not now; without a word until when, the ticket with the form for that open."""
    ticket = tickets.find(request, ticket_id)
    if request.method != "POST":
        return tickets.page(request, ticket, typed={"seconds": "3600"})
    seconds, until = SnoozeForm(request.POST).seconds_or_moment()
    put_off = snoozes.put_off(ticket.pk, person=tickets.reader(request), seconds=seconds, until=until)
    messages.success(
        request, f"It is out of your inbox until {put_off.until:%-d %B, %H:%M} UTC, unless it is escalated."
    )
    return redirect("approvals:inbox")


@refusals.posted
@refusals.explained
def wake(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Back into the inbox now."""
    ticket = tickets.find(request, ticket_id)
    snoozes.wake(ticket.pk, person=tickets.reader(request))
    return tickets.afterwards(request, ticket)


@refusals.posted
@refusals.explained
def extend(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """More time."""
    ticket = extensions.extend(tickets.find(request, ticket_id).pk, person=tickets.reader(request))
    messages.success(request, f"The deadline is now {ticket.deadline_at:%-d %B, %H:%M} UTC.")
    return tickets.afterwards(request, ticket)
