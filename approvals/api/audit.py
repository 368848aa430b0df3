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
from approvals.models import AuditEntry, Leaf, Ticket

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
    #: Where it stands in the tree; entries of one ticket may have none yet.
    place: int | None
    prev: str | None
    hash: str | None


class EntryPage(BaseModel):
    """Some entries, and the id of the last one where there are more: pass it as `after`."""

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
    """The entries of the tickets one may see, in order; all of them for an auditor.

    They come in the order of their places in the tree, a few seconds after they were written: whoever goes on after
    the last one they know misses none. One with a smaller id may come later, for it was committed later.
    """
    entries = list(_in_order(_visible(request, wanted).select_related("payload", "leaf"), wanted)[: wanted.limit + 1])
    shown = entries[: wanted.limit]
    hidden = _blind(request, {entry.ticket_id for entry in shown if entry.ticket_id and entry.type in history.OPINIONS})
    items = [_entry(entry, is_hidden=_is_hidden(request, entry, hidden)) for entry in shown]
    return reply(EntryPage(items=items, next=shown[-1].pk if len(entries) > wanted.limit else None))


def _in_order(found: QuerySet[AuditEntry], wanted: Wanted) -> QuerySet[AuditEntry]:
    """The entries of one ticket by their ids: its row lock keeps those in order, sealed or not."""
    if wanted.ticket is not None:
        return found.filter(pk__gt=wanted.after).order_by("pk")
    return found.filter(leaf__number__gt=_reached(wanted.after)).order_by("leaf__number")


def _reached(after: int) -> int:
    """The place in the tree of the entry with this id; where it has none, of the newest by id among older ones."""
    leaf = Leaf.objects.filter(entry__lte=after).order_by("-entry").first()
    return leaf.number if leaf else -1


def _place(entry: AuditEntry) -> int | None:
    """From 1 on; None while it has none."""
    leaf = getattr(entry, "leaf", None)
    return leaf.number + 1 if leaf else None


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
    return entry.ticket_id in hidden and history.is_of_another(entry, reader(request))


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
        place=_place(entry),
        prev=None if is_hidden else bytes(entry.prev).hex(),
        hash=None if is_hidden else bytes(entry.hash).hex(),
    )
