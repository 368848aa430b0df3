"""Asking a colleague to look: theirs comes first in their inbox, and everybody on the ticket sees it.

It changes nothing about who may sign: both still may, and so may all others.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from approvals import arguments, audit, claims, policy, tickets
from approvals.errors import ApprovalError, CannotHandOver
from approvals.models import Handover, Snooze, Ticket


def give(ticket_id: int, *, giver: User, receiver: User, note: str = "") -> Ticket:
    """Hand the ticket over to somebody who may decide on it and has not yet.

    Raises CannotHandOver where the receiver may not, and what `policy.may_decide` and `tickets.check_open` raise.
    """
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        policy.may_decide(giver, ticket)
        tickets.check_open(ticket, now)
        arguments.check_words(note, path="/note")
        _check(ticket, giver, receiver)
        _write(ticket, giver, receiver, note, now)
        claims.let_go(ticket, giver)
        audit.append("handover.made", ticket=ticket, actor=giver, receiver=receiver.get_username(), message=note)
    return ticket


def _check(ticket: Ticket, giver: User, receiver: User) -> None:
    if giver.pk == receiver.pk:
        raise CannotHandOver("You have this ticket already; choose a colleague.")
    # To one who is not to know who has decided, a refusal must not tell it.
    may = policy.may_decide if policy.is_blind_for(giver, ticket) else policy.may_still_decide
    try:
        may(receiver, ticket)
    except ApprovalError:
        raise CannotHandOver(person=receiver.get_username()) from None


def _write(ticket: Ticket, giver: User, receiver: User, note: str, now: datetime) -> None:
    told = {"giver": giver, "receiver": receiver, "note": note, "at": now}
    Handover.objects.update_or_create(ticket=ticket, defaults=told)
    Snooze.objects.filter(ticket=ticket, person=receiver).delete()
