"""“I am on it”, shown to everybody on the ticket, for five minutes by the database's clock.

A claim blocks nobody: who was first is decided by the ticket's lock and by nothing else. It is an entry of
the ticket's chain all the same, because those entries are what open pages follow, in every process and
after a reconnect, and because who was on it is what somebody asks when two people acted at once. A lapse
is nobody's act and no entry: the entry of the claim says until when it holds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from approvals import arguments, audit, policy, tickets
from approvals.errors import ClaimHeld
from approvals.models import Claim, Ticket

LASTS = timedelta(minutes=5)
#: A second click within this time changes nothing.
FRESH = timedelta(minutes=1)


def take(ticket_id: int, *, person: User, note: str = "") -> Ticket:
    """Claim the ticket or renew one's claim. With a note a colleague's claim is broken.

    Raises ClaimHeld where a colleague holds it and no note says why to take it over, and what
    `policy.may_still_decide` and `tickets.check_open` raise.
    """
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        policy.may_still_decide(person, ticket)
        tickets.check_open(ticket, now)
        arguments.check_words(note, path="/note")
        held = Claim.objects.live().filter(ticket=ticket).select_related("holder").first()
        if held and held.holder_id != person.pk and not note.strip():
            raise ClaimHeld(holder=held.holder.get_username())
        if held and held.holder_id == person.pk and held.expires_at > now + LASTS - FRESH:
            return ticket
        _hold(ticket, person, now)
        _record(ticket, person, held, until=now + LASTS, note=note)
    return ticket


def release(ticket_id: int, *, person: User) -> Ticket:
    """Let go of one's claim; without one nothing happens."""
    with transaction.atomic():
        ticket, _ = tickets.lock(ticket_id)
        let_go(ticket, person)
    return ticket


def let_go(ticket: Ticket, person: User) -> None:
    """Drop this person's claim, if there is one. The caller holds the row lock."""
    mine = Claim.objects.filter(ticket=ticket, holder=person)
    was_live = mine.live().exists()
    mine.delete()
    if was_live and ticket.is_open:
        audit.append("claim.released", ticket=ticket, actor=person)


def _hold(ticket: Ticket, person: User, now: datetime) -> None:
    Claim.objects.update_or_create(ticket=ticket, defaults={"holder": person, "expires_at": now + LASTS})


def _record(ticket: Ticket, person: User, held: Claim | None, *, until: datetime, note: str) -> None:
    facts = {"until": until.isoformat(), "message": note}
    if held is None:
        audit.append("claim.taken", ticket=ticket, actor=person, **facts)
    elif held.holder_id == person.pk:
        audit.append("claim.renewed", ticket=ticket, actor=person, **facts)
    else:
        audit.append("claim.broken", ticket=ticket, actor=person, holder=held.holder.get_username(), **facts)
