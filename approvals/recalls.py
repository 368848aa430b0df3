"""Who may take an approval back, and until when; `tickets.recall` does it."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from approvals import clock, policy, sign_off
from approvals.errors import ApprovalError, TicketClosed, TooLate
from approvals.models import Ticket
from approvals.states import TicketState


def may_recall(ticket: Ticket, actor: User) -> bool:
    """Would a recall by this person be taken, as far as can be told without the lock?"""
    if ticket.state != TicketState.APPROVED or ticket.delivered_at:
        return False
    try:
        check(ticket, actor, clock.now())
    except ApprovalError:
        return False
    return True


def check(ticket: Ticket, actor: User, now: datetime) -> None:
    """Raises TicketClosed, TooLate, OwnRequest or NotAnApprover. Under the row lock it is so until the commit."""
    if not _has_signed(ticket, actor):
        policy.may_decide(actor, ticket)
    state = TicketState(ticket.state)
    if state is not TicketState.APPROVED:
        sentence = f"This ticket is {state.label.lower()}; there is no approval to take back."
        raise TicketClosed(sentence, state=state.value)
    if ticket.outcome not in sign_off.BY_PEOPLE:
        raise TooLate("No person approved this, so nobody can take it back.")
    # A remote agent fetches its answer itself: from the end of the window on it may have done so.
    is_fetched = not ticket.interrupt_id and ticket.release_at is not None and ticket.release_at <= now
    if ticket.delivered_at or is_fetched:
        raise TooLate("The agent has been told already; nothing was changed.")


def _has_signed(ticket: Ticket, actor: User) -> bool:
    own = [vote for vote in ticket.decisions.all() if vote.reviewer_id == actor.pk and vote.stands(ticket.revision)]
    return actor.is_active and any(vote.type in ticket.signs for vote in own)
