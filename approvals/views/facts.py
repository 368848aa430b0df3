"""What the page of a ticket tells its reader, whatever they have typed: who signs, what changed, what came before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from django.contrib.auth.models import User

from approvals import differences, display, extensions, findings, friction, history, policy, recalls, reveals, schemas
from approvals.audit import bodies
from approvals.models import AuditEntry, Revision, Snooze, Ticket

#: More of what a run asked for before is on the page of the run.
EARLIER = 5
#: More of what was changed is named in the history: a ticket may be edited a hundred times.
EDITS = 5


def of(ticket: Ticket, *, reader: User, blind: bool) -> dict[str, Any]:
    """All of it, by the names that the templates use."""
    return {
        "attention": _attention(ticket, reader, blind=blind) if ticket.is_open else None,
        "may_recall": recalls.may_recall(ticket, reader),
        "signatures": display.signatures(ticket, blind=blind),
        "signers": _signers(ticket),
        **hidden(ticket, reader=reader),
        "taken_back": taken_back(ticket, reader),
        "erasure": _erasure(ticket),
        "edits": [] if ticket.erased_at else list(_edits(ticket)),
        "edits_before": max(ticket.revision - 1 - EDITS, 0),
        "findings": findings.of(ticket, reader=reader),
        "earlier": _earlier(ticket, reader),
        "follows": _follows(ticket, reader),
        "followed_by": None if ticket.is_open else _followed_by(ticket, reader),
        "history": list(history.of(ticket, hidden_from=reader if blind else None)),
        "grants": [] if ticket.is_open else list(ticket.grants.live().select_related("granted_by", "requester")),
        "care": friction.of_ticket(ticket),
        "no_edit": schemas.put_aside(ticket.args_schema),
        "no_answer": schemas.put_aside(ticket.answer_schema, what=schemas.ANSWER),
    }


def hidden(ticket: Ticket, *, reader: User) -> dict[str, Any]:
    """What is hidden on the page of an open ticket, and whether this reader may have it shown."""
    found = reveals.of(ticket) if ticket.is_open else []
    return {"secrets": found, "may_reveal": bool(found) and reveals.may_reveal(ticket, reader)}


def taken_back(ticket: Ticket, reader: User) -> int:
    """How many of the reader's own approvals of this revision were taken back: an approval from this page says so."""
    own = [vote for vote in ticket.decisions.all() if vote.reviewer_id == reader.pk and vote.was_recalled]
    return sum(vote.revision == ticket.revision for vote in own)


def _attention(ticket: Ticket, me: User, *, blind: bool) -> dict[str, Any]:
    """What the reader can do beside deciding, and what they have done."""
    return {
        # Who may still decide is everybody but those who have: where that is hidden, so is this.
        "colleagues": [] if blind else list(policy.colleagues(ticket, of=me).values_list("username", flat=True)),
        "snoozed": Snooze.objects.live().filter(ticket=ticket, person=me).first(),
        "more_time": 0 if extensions.why_not(ticket) else extensions.seconds_of(ticket),
        "no_more_time": extensions.why_not(ticket) if ticket.extensions else "",
    }


def _edits(ticket: Ticket) -> Iterator[tuple[Revision, list[differences.Change]]]:
    """The last revisions, each with its differences from the one before, newest first."""
    pairs = list(pairwise(ticket.revisions.all()))
    for before, after in reversed(pairs[-EDITS:]):
        yield after, differences.of(before.args, after.args, ticket.args_schema)


def _erasure(ticket: Ticket) -> AuditEntry | None:
    """What the record says of the erasure of its words."""
    told = AuditEntry.objects.filter(ticket=ticket, type=bodies.ERASED).order_by("-id")
    return told.select_related("actor").first() if ticket.erased_at else None


def _follows(ticket: Ticket, reader: User) -> dict[str, Any] | None:
    """The refused ticket that this one asks for again, if the reader may see it, and what is different now."""
    if ticket.follows_id is None:
        return None
    earlier = Ticket.objects.visible_to(reader).filter(pk=ticket.follows_id).first()
    changes = differences.of(earlier.args, ticket.args, ticket.args_schema) if earlier else []
    return {"ticket": earlier, "changes": changes}


def _earlier(ticket: Ticket, reader: User) -> list[Ticket]:
    """What the run asked for before, the latest first."""
    same = Ticket.objects.visible_to(reader).filter(thread_id=ticket.thread_id, pk__lt=ticket.pk)
    return list(same.prefetch_related("revisions").order_by("-pk")[:EARLIER])


def _followed_by(ticket: Ticket, reader: User) -> Ticket | None:
    return Ticket.objects.visible_to(reader).filter(follows=ticket).first()


def _signers(ticket: Ticket) -> dict[str, Any]:
    """Who can still sign for each group, by name. One query."""
    names: dict[str, list[str]] = {}
    groups = [need.group_id for need in ticket.requirements.all()]
    people = User.objects.filter(is_active=True, groups__in=groups).order_by("username")
    if ticket.bar_requester and ticket.requester_id:
        people = people.exclude(pk=ticket.requester_id)
    spoken = [vote.reviewer_id for vote in ticket.decisions.all() if vote.stands(ticket.revision)]
    for group, name in people.exclude(pk__in=spoken).values_list("groups__name", "username"):
        names.setdefault(group, []).append(name)
    return names
