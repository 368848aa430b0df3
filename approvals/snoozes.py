"""Not now: a ticket leaves one person's inbox until a time, and comes back by itself or when it is escalated.

It concerns nobody else, so it is no audit entry: the record is about the ticket, not about somebody's day.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from approvals import claims, policy, tickets
from approvals.errors import CannotSnooze
from approvals.models import Snooze, Ticket


def put_off(ticket_id: int, *, person: User, until: datetime | None = None, seconds: int | None = None) -> Snooze:
    """Hide the ticket from this person's inbox until a time, or for some seconds, before its deadline.

    Raises CannotSnooze for a time that is over or after the deadline, and what `policy.may_still_decide` and
    `tickets.check_open` raise.
    """
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        policy.may_still_decide(person, ticket)
        tickets.check_open(ticket, now)
        back = until or now + timedelta(seconds=seconds or 0)
        _check(ticket, back, now)
        claims.let_go(ticket, person)
        snooze, _ = Snooze.objects.update_or_create(ticket=ticket, person=person, defaults={"until": back})
    return snooze


def wake(ticket_id: int, *, person: User) -> None:
    """Take it back into the inbox now; harmless where it is there."""
    Snooze.objects.filter(ticket=ticket_id, person=person).delete()


def _check(ticket: Ticket, back: datetime, now: datetime) -> None:
    if back <= now:
        raise CannotSnooze("Choose a time that is still to come.")
    if ticket.deadline_at and back >= ticket.deadline_at:
        raise CannotSnooze("The ticket would come back only after its deadline; choose an earlier time.")
