"""The life of a ticket in words, from its audit entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.models import AuditEntry, Ticket

#: What each kind of entry says; a decision is said by its type.
WORDS = {
    "ticket.opened": "asked for approval",
    "revision.created": "changed the arguments",
    "policy.applied": "weighed the new arguments",
    "approve": "approved",
    "edit": "approved the changed arguments",
    "reject": "rejected",
    "respond": "answered the agent",
    "ticket.approved": "Approved",
    "ticket.rejected": "Rejected",
    "ticket.answered": "Answered",
    "ticket.expired": "Nobody decided before the deadline",
    "ticket.cancelled": "Withdrawn",
    "ticket.superseded": "Superseded: the agent went on to something else",
    "ticket.delivered": "The agent was told",
    "execution.started": "Started",
    "execution.succeeded": "Done",
    "execution.failed": "Failed",
    "execution.unknown": "Nobody knows whether it happened",
}
#: Entries about the ticket itself: the person who brought them about has an entry of their own.
NOBODY = ("ticket.", "execution.")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of the history."""

    at: datetime
    who: str
    words: str
    note: str
    seq: int


def of(ticket: Ticket) -> Iterator[Event]:
    """The entries of the ticket in order. One query."""
    for entry in AuditEntry.objects.filter(ticket=ticket).order_by("id"):
        facts = _facts(entry)
        yield Event(
            at=entry.at,
            who=_who(entry),
            words=WORDS.get(str(facts.get("decision", entry.type)), entry.type),
            note="" if entry.type.startswith("ticket.") else str(facts.get("message") or facts.get("error") or ""),
            seq=entry.seq,
        )


def _who(entry: AuditEntry) -> str:
    if entry.type == "ticket.opened":
        return "The agent"
    if entry.type == "policy.applied":
        return "The policy"
    return "" if entry.type.startswith(NOBODY) else entry.actor_name


def _facts(entry: AuditEntry) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(bytes(entry.body)).get("facts", {})
    return facts
