"""Tickets page by page: what waits, most urgent first, then what is decided, newest first. By key, never by number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from approvals.models import Ticket, TicketQuerySet, urgency
from approvals.states import TicketState


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page ended: the last ticket's key in the order of its half."""

    is_open: bool
    id: int
    #: Of what waits.
    urgency: int = 0
    #: When the others were resolved.
    at: datetime | None = None


def page(found: TicketQuerySet, *, after: Place | None, limit: int) -> tuple[list[Ticket], Place | None]:
    """The next tickets and where they end; None when there are no more."""
    rows: list[Ticket] = []
    if after is None or after.is_open:
        rows = list(_open(found, after)[: limit + 1])
    if len(rows) <= limit:
        rows += _closed(found, after)[: limit + 1 - len(rows)]
    return rows[:limit], place_of(rows[limit - 1]) if len(rows) > limit else None


def place_of(ticket: Ticket) -> Place:
    """The key of a ticket in the order it stands in now."""
    if not ticket.is_open:
        return Place(is_open=False, id=ticket.pk, at=ticket.resolved_at)
    return Place(is_open=True, id=ticket.pk, urgency=urgency.of(ticket))


def _open(found: TicketQuerySet, after: Place | None) -> TicketQuerySet:
    waiting = found.filter(state=TicketState.PENDING).by_urgency()
    return (waiting if after is None else waiting.less_urgent(after.urgency, after.id)).for_programs()


def _closed(found: TicketQuerySet, after: Place | None) -> TicketQuerySet:
    decided = found.resolved()
    if after is not None and not after.is_open:
        decided = decided.filter(Q(resolved_at__lt=after.at) | Q(resolved_at=after.at, id__lt=after.id))
    return decided.for_programs()
