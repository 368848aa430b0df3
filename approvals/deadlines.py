"""What happens at the deadline. A job at the deadline and the sweep both come here; both are harmless."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction

from approvals import answers, audit, escalations, tickets, timeouts
from approvals.models import Ticket
from approvals.states import DecisionType, OnTimeout, Outcome, TicketState

TIMED_OUT = "Timed out: nobody decided before the deadline."
UNOPPOSED = "Nobody stopped it before the deadline, and the policy lets it run then."
#: A worker is exact to two seconds and the sweep to ten; later than this and something was not running.
LATE = timedelta(seconds=10)

logger = logging.getLogger(__name__)


def expire(ticket_id: int) -> bool:
    """Do what an open ticket's deadline brings once it has passed by the database's clock; True when it did.

    The row lock decides between this and a last vote: one of them finds the ticket closed.
    """
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        if ticket.state != TicketState.PENDING or not ticket.deadline_at or ticket.deadline_at > now:
            return False
        _mark_late(ticket, now)
        _go_on(ticket, now)
        return True


def expire_overdue(*, limit: int = 1_000) -> int:
    """Do it for all that is overdue, oldest deadline first, each in a transaction of its own. Returns how many."""
    overdue = list(Ticket.objects.overdue().values_list("pk", flat=True)[:limit])
    return sum(map(_expired, overdue))


def ahead_of(ticket: Ticket, *, blind: bool = False) -> timeouts.Ahead:
    """What the next deadline of an open ticket brings; `blind`: as far as one knows who is not to know the votes."""
    return timeouts.ahead(
        timeouts.plan_of(ticket.on_timeout, ticket.policy),
        timeouts.Standing(
            risk=ticket.risk,
            gate=ticket.gate,
            passed=ticket.escalations,
            is_opposed=not blind
            and any(
                vote.revision == ticket.revision and (vote.type == DecisionType.REJECT or vote.was_recalled)
                for vote in ticket.decisions.all()
            ),
            allowed_decisions=ticket.allowed_decisions,
            best_guess=ticket.best_guess,
            guess_fits=ticket.guess_fits,
        ),
    )


def _go_on(ticket: Ticket, now: datetime) -> None:
    ahead = ahead_of(ticket)
    if ahead.step is not None:
        escalations.escalate(ticket, step=ahead.step, now=now)
    elif ahead.action is OnTimeout.APPROVE:
        tickets.resolve(ticket, outcome=Outcome.UNOPPOSED, now=now, message=UNOPPOSED)
    elif ahead.action is OnTimeout.ANSWER:
        tickets.resolve(ticket, outcome=Outcome.BEST_GUESS, now=now, message=answers.in_words(ticket.best_guess))
    else:
        tickets.resolve(ticket, outcome=Outcome.TIMED_OUT, now=now, message=f"{TIMED_OUT} {ahead.why}".strip())


def _mark_late(ticket: Ticket, now: datetime) -> None:
    """Say so where the deadline passed and nothing was running that could keep it."""
    if ticket.deadline_at and (late := now - ticket.deadline_at) > LATE:
        audit.append(
            "deadline.missed",
            ticket=ticket,
            deadline_at=ticket.deadline_at.isoformat(),
            late_seconds=int(late.total_seconds()),
        )


def _expired(ticket_id: int) -> bool:
    try:
        return expire(ticket_id)
    except (OperationalError, InterfaceError):
        raise  # the database is away: the others would fail as well
    except Exception:  # the oldest comes first every time: one that fails must not keep all others waiting
        logger.exception("The deadline of ticket %s cannot be kept now", ticket_id)
        return False
