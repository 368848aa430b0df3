"""More time: a reviewer moves the deadline, by as much and as often as the policy allows."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction

from approvals import audit, policy, resume, tickets, wording
from approvals.errors import NoMoreTime
from approvals.models import Ticket


def extend(ticket_id: int, *, person: User) -> Ticket:
    """Move the deadline of an open ticket once.

    Raises NoMoreTime where the policy allows no (more) extension, and what `policy.may_decide` and
    `tickets.check_open` raise.
    """
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        policy.may_decide(person, ticket)
        tickets.check_open(ticket, now)
        refusal = why_not(ticket)
        if refusal or ticket.deadline_at is None:
            raise NoMoreTime(refusal)
        seconds = seconds_of(ticket)
        ticket.deadline_at += timedelta(seconds=seconds)
        ticket.extensions += 1
        ticket.save(update_fields=["deadline_at", "extensions"])
        until = ticket.deadline_at.isoformat()
        audit.append("deadline.extended", ticket=ticket, actor=person, seconds=seconds, deadline_at=until)
        resume.enqueue_expiry(ticket.pk, at=ticket.deadline_at)
    return ticket


def seconds_of(ticket: Ticket) -> int:
    """By how much its policy lets a reviewer move the deadline; 0: not at all."""
    seconds: int = ticket.policy.get("may_extend_seconds", 0)
    return seconds


def why_not(ticket: Ticket) -> str:
    """The sentence that says why there is no more time; empty where there is."""
    times: int = ticket.policy.get("may_extend_times", 0)
    if not seconds_of(ticket) or not times or ticket.deadline_at is None:
        return "The policy lets nobody move this deadline."
    if ticket.extensions >= times:
        return f"The deadline cannot be moved again: the policy allows that {wording.counted(times, 'time')}."
    return ""
