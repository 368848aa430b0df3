"""Tickets page by page: what waits, most urgent first, then what is decided, newest first. By key, never by number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, DateTimeField, F, Q, Value, When
from django.db.models.functions import Cast, Coalesce

from approvals.models import RISK_ORDER, Ticket, TicketQuerySet
from approvals.states import Risk, TicketState

#: What has no deadline comes after all that have one.
_NEVER = Cast(Value("infinity"), DateTimeField())


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page ended: the last ticket's key in the order of its half."""

    is_open: bool
    #: When it is due, or when it was resolved.
    at: datetime | None
    id: int
    rank: int = 0
    risk: int = 0


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
        return Place(is_open=False, at=ticket.resolved_at, id=ticket.pk)
    rank, risk = _rank(ticket), RISK_ORDER[Risk(ticket.risk)]
    return Place(is_open=True, at=ticket.deadline_at, id=ticket.pk, rank=rank, risk=risk)


def _rank(ticket: Ticket) -> int:
    """What was escalated comes first, as in `by_urgency`."""
    return 1 if ticket.escalations else 2


def _open(found: TicketQuerySet, after: Place | None) -> TicketQuerySet:
    waiting = found.filter(state=TicketState.PENDING).alias(
        rank=Case(When(escalations__gt=0, then=1), default=2),
        due=Coalesce(F("deadline_at"), _NEVER),
        risk_rank=Case(*[When(risk=risk, then=n) for risk, n in RISK_ORDER.items()]),
    )
    if after is not None:
        due = _NEVER if after.at is None else Value(after.at)
        waiting = waiting.filter(_beyond(rank=after.rank, due=due, risk_rank=after.risk, id=after.id))
    return waiting.order_by("rank", "due", "risk_rank", "id").for_list()


def _closed(found: TicketQuerySet, after: Place | None) -> TicketQuerySet:
    decided = found.resolved()
    if after is not None and not after.is_open:
        decided = decided.filter(Q(resolved_at__lt=after.at) | Q(resolved_at=after.at, id__lt=after.id))
    return decided.for_list()


def _beyond(**key: Any) -> Q:
    """Greater than the key, part by part."""
    beyond, same = Q(pk__in=()), Q()
    for name, value in key.items():
        beyond |= same & Q(**{f"{name}__gt": value})
        same &= Q(**{name: value})
    return beyond
