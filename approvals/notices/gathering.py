"""From what happened to rows that say whom to tell of it. Each entry of the record is read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from approvals.models import Leaf, Notice, NoticeChannel, NoticeReach, Ticket
from approvals.notices import recipients
from approvals.states import NoticeKind, Outcome

LIMIT = 500
#: So long before its deadline a ticket is about to expire; a tenth of its time where that is shorter.
SOON = timedelta(minutes=30)
#: Entries of the record that people are told of. What opens or turns to other groups waits for those.
KINDS = {
    "ticket.opened": NoticeKind.OPENED,
    "ticket.recalled": NoticeKind.OPENED,
    "ticket.reopened": NoticeKind.OPENED,
    "decision.recorded": NoticeKind.OPENED,
    "ticket.escalated": NoticeKind.ESCALATED,
    "ticket.approved": NoticeKind.DECIDED,
    "ticket.rejected": NoticeKind.DECIDED,
    "ticket.answered": NoticeKind.DECIDED,
    "ticket.expired": NoticeKind.DECIDED,
    "execution.unknown": NoticeKind.DOUBT,
    "ticket.stuck": NoticeKind.STUCK,
}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that people are told of."""

    key: str
    kind: NoticeKind
    ticket: Ticket


def gather() -> int:
    """Rows for everybody who is to know of what has happened since the last time; how many. One process at a time."""
    with transaction.atomic():
        NoticeReach.objects.get_or_create(pk=1)
        reach = NoticeReach.objects.select_for_update(skip_locked=True).filter(pk=1).first()
        if reach is None:
            return 0
        leaves = list(_unread(reach.place))
        made = _write([*_events(leaves), *_expiring()])
        if leaves:
            NoticeReach.objects.filter(pk=1).update(place=leaves[-1].number + 1)
    return made


def _unread(place: int) -> Iterable[Leaf]:
    return Leaf.objects.filter(number__gte=place).select_related("entry__ticket").order_by("number")[:LIMIT]


def _events(leaves: Iterable[Leaf]) -> Iterator[Event]:
    for leaf in leaves:
        entry, kind = leaf.entry, KINDS.get(leaf.entry.type)
        if kind is None or entry.ticket is None or _is_no_news(entry.type, entry.ticket):
            continue
        yield Event(key=_key(entry.type, leaf.number, entry.ticket), kind=kind, ticket=entry.ticket)


def _is_no_news(type: str, ticket: Ticket) -> bool:
    """What no person was ever asked for; and a vote, unless it brings others their turn."""
    if type == "decision.recorded":
        return not (ticket.in_sequence and ticket.is_open)
    return ticket.outcome == Outcome.AUTO_APPROVED


def _key(type: str, place: int, ticket: Ticket) -> str:
    """Groups that sign in turn are told when theirs has come, and once for each version."""
    if ticket.in_sequence and type in {"ticket.opened", "decision.recorded"}:
        return f"turn/{ticket.pk}/{ticket.revision}/{'.'.join(map(str, sorted(ticket.asked_now)))}"[:120]
    return f"entry/{place}"


def _expiring() -> Iterator[Event]:
    """Tickets whose deadline is near and that nobody was told of; a new deadline is another one."""
    near = Ticket.objects.pending().filter(deadline_at__gt=Now(), deadline_at__lte=Now() + SOON)
    near = near.filter(deadline_at__lte=Now() + (F("deadline_at") - F("opened_at")) / 10)
    told = set(Notice.objects.filter(kind=NoticeKind.EXPIRING, ticket__in=near).values_list("key", flat=True))
    for ticket in near.order_by("deadline_at", "pk")[:LIMIT]:
        key = f"deadline/{ticket.pk}/{ticket.escalations}/{ticket.extensions}"
        if key not in told:
            yield Event(key=key, kind=NoticeKind.EXPIRING, ticket=ticket)


def _write(events: Sequence[Event]) -> int:
    """Each person once for an event, by the first of the channels that want it; five queries, however many events."""
    if not events:
        return 0
    channels = list(NoticeChannel.objects.filter(enabled=True).select_related("person"))
    people = recipients.People.of([event.ticket for event in events])
    rows: dict[tuple[str, str, int], Notice] = {}
    for event in events:
        for channel, person in people.told(event.kind, event.ticket, channels):
            whom = ("person", person.pk) if person else ("channel", channel.pk if channel else 0)
            rows.setdefault(
                (event.key, *whom),
                Notice(key=event.key, kind=event.kind, ticket=event.ticket, channel=channel, person=person),
            )
    made = Notice.objects.bulk_create(rows.values(), ignore_conflicts=True)
    return len(made)
