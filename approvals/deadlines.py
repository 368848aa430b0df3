"""What happens at the deadline. A job at the deadline and the sweep both come here; both are harmless."""

from __future__ import annotations

from django.db import transaction

from approvals import tickets
from approvals.models import Ticket
from approvals.states import Outcome, TicketState

TIMED_OUT = "Timed out: nobody decided before the deadline."


def expire(ticket_id: int) -> bool:
    """Close an open ticket whose deadline has passed by the database's clock; True when it did.

    The row lock decides between this and a last vote: one of them finds the ticket closed.
    """
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        if ticket.state != TicketState.PENDING or not ticket.deadline_at or ticket.deadline_at > now:
            return False
        tickets.resolve(ticket, outcome=Outcome.TIMED_OUT, now=now, message=TIMED_OUT)
        return True


def expire_overdue(*, limit: int = 200) -> int:
    """Close what is overdue, oldest deadline first, each in a transaction of its own. Returns how many."""
    overdue = list(Ticket.objects.overdue().values_list("pk", flat=True)[:limit])
    return sum(expire(ticket_id) for ticket_id in overdue)
