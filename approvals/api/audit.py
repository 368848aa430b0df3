"""The record, in order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from approvals import history, policy
from approvals.api import tickets
from approvals.api.access import READ, reader
from approvals.api.fields import Id
from approvals.api.problems import PROBLEMS
from approvals.api.shapes import reply
from approvals.models import AuditEntry, Ticket

router = Router(tags=["audit"])

MOST = 500


class EntryOut(BaseModel):
    """One fact, chained by hash to the one before it in its stream.

    While a reader is not to know what others think of a ticket, such entries come without who, what and hash.
    """

    id: int
    stream: str
    seq: int
    type: str
    at: datetime
    actor: str | None
    ticket: int | None
    facts: dict[str, Any] | None
    prev: str | None
    hash: str | None


class EntryPage(BaseModel):
    """Some entries, and where to go on: pass it as `after`."""

    items: list[EntryOut]
    next: int | None


class Wanted(BaseModel):
    """Which entries, and how many."""

    ticket: Id | None = None
    #: The id of the last entry that is known.
    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST)] = 100


@router.get("", auth=READ, response={200: EntryPage, **PROBLEMS})
def index(request: HttpRequest, wanted: Query[Wanted]) -> HttpResponse:
    """The entries of the tickets one may see, in order; all of them for an auditor."""
    found = _visible(request, wanted).filter(pk__gt=wanted.after).select_related("payload").order_by("pk")
    entries = list(found[: wanted.limit + 1])
    shown = entries[: wanted.limit]
    hidden = _blind(request, {entry.ticket_id for entry in shown if entry.ticket_id and entry.type in history.OPINIONS})
    items = [_entry(entry, is_hidden=_is_hidden(request, entry, hidden)) for entry in shown]
    return reply(EntryPage(items=items, next=shown[-1].pk if len(entries) > wanted.limit else None))


def _visible(request: HttpRequest, wanted: Wanted) -> QuerySet[AuditEntry]:
    if wanted.ticket is not None:
        return AuditEntry.objects.filter(ticket=tickets.find(request, wanted.ticket))
    if reader(request).has_perm("approvals.view_auditentry"):
        return AuditEntry.objects.all()
    return AuditEntry.objects.filter(ticket__in=tickets.visible(request))


def _blind(request: HttpRequest, of: set[int]) -> set[int]:
    """Those of the tickets whose opinions this reader is not to know yet."""
    asked = Ticket.objects.pending().filter(pk__in=of, policy__blind=True)
    open_tickets = list(asked.prefetch_related("requirements", "decisions"))
    groups = set(reader(request).groups.values_list("pk", flat=True)) if open_tickets else set()
    return {ticket.pk for ticket in open_tickets if policy.is_blind_to(groups, reader(request), ticket)}


def _is_hidden(request: HttpRequest, entry: AuditEntry, hidden: set[int]) -> bool:
    is_opinion = entry.type in history.OPINIONS and entry.actor_id != reader(request).pk
    return is_opinion and entry.ticket_id in hidden


def _entry(entry: AuditEntry, *, is_hidden: bool) -> EntryOut:
    return EntryOut(
        id=entry.pk,
        stream=entry.stream,
        seq=entry.seq,
        type=entry.type,
        at=entry.at,
        actor=None if is_hidden else entry.actor_name or None,
        ticket=entry.ticket_id,
        facts=None if is_hidden else entry.facts,
        prev=None if is_hidden else bytes(entry.prev).hex(),
        hash=None if is_hidden else bytes(entry.hash).hex(),
    )
