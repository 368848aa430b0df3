"""When somebody joins or leaves a group, or is switched on or off, open tickets are looked at again."""

from __future__ import annotations

from django.db import transaction

from approvals import shortages, sign_off, tickets
from approvals.models import RosterChange, Ticket
from approvals.states import Channel, TicketState

#: As many changes are looked at together; the next sweep takes the rest.
LIMIT = 1_000
ENOUGH = "Somebody who had signed may sign again, so the signatures are enough."


def review() -> int:
    """Look again at every open ticket whose groups have changed; how many changes that were.

    The changes are deleted last: a process that dies on the way leaves them to the next. Twice is harmless.
    """
    changes = dict(RosterChange.objects.order_by("pk").values_list("pk", "group_id")[:LIMIT])
    if not changes:
        return 0
    touched = Ticket.objects.pending().filter(requirements__group__in=set(changes.values())).distinct()
    found = list(touched.for_list())
    members = shortages.members_of({need.group.name for ticket in found for need in ticket.requirements.all()})
    for ticket in found:
        is_spoken_on = any(vote.stands(ticket.revision) for vote in ticket.decisions.all())
        if is_spoken_on or shortages.sentence(ticket, members) != ticket.shortage:
            _look_again(ticket.pk)
    RosterChange.objects.filter(pk__in=changes).delete()
    return len(changes)


def _look_again(ticket_id: int) -> None:
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        if ticket.state != TicketState.PENDING:
            return
        outcome = sign_off.outcome_of(ticket)
        if outcome is None or (ticket.deadline_at and ticket.deadline_at <= now):
            sign_off.note_turns(ticket)
            shortages.note(ticket)
            return
        # Everybody may have spoken already: then nobody is left whose word would settle it.
        said = sign_off.words_for(ticket, outcome, otherwise=ENOUGH)
        tickets.resolve(ticket, outcome=outcome, now=now, message=said, via=Channel.BROWSER)
