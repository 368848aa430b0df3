"""Who is told of what: whoever it waits for, whoever asked or decided, and nobody who may not see the ticket."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Q

from approvals.models import Decision, NoticeChannel, Ticket
from approvals.states import NoticeKind

#: Told to whoever is still to decide.
WAITING = frozenset({NoticeKind.OPENED, NoticeKind.ESCALATED, NoticeKind.EXPIRING})


@dataclass(frozen=True, kw_only=True)
class People:
    """The people around some tickets: fetched once."""

    known: Mapping[int, User]
    groups: Mapping[int, frozenset[int]]
    #: Who has said something on a ticket, and in which versions.
    spoken: Mapping[int, Mapping[int, frozenset[int]]]

    @classmethod
    def of(cls, tickets: Sequence[Ticket]) -> People:
        """Three queries, however many tickets."""
        votes: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        said = Decision.objects.filter(ticket__in={ticket.pk for ticket in tickets}, withdrawn_at=None)
        for ticket, person, revision in said.values_list("ticket", "reviewer", "revision"):
            votes[ticket][person].add(revision)
        asked = {group for ticket in tickets for group in ticket.asked}
        named = {person for ticket in votes.values() for person in ticket} | {
            ticket.requester_id for ticket in tickets if ticket.requester_id
        }
        found = User.objects.filter(Q(groups__in=asked) | Q(pk__in=named) | Q(is_superuser=True), is_active=True)
        people = {person.pk: person for person in found.distinct().prefetch_related("groups")}
        return cls(
            known=people,
            groups={pk: frozenset(group.pk for group in person.groups.all()) for pk, person in people.items()},
            spoken={
                ticket: {person: frozenset(versions) for person, versions in of.items()} for ticket, of in votes.items()
            },
        )

    def told(
        self, kind: NoticeKind, ticket: Ticket, channels: Iterable[NoticeChannel]
    ) -> Iterator[tuple[NoticeChannel | None, User | None]]:
        """By which channel whom, those of people first: each is told once, by the first that wants it."""
        wanted = [channel for channel in channels if kind in channel.kinds]
        concerned = {person.pk: person for person in self.concerned(kind, ticket)}
        for channel in wanted:
            if channel.person_id in concerned and (channel.is_service or concerned[channel.person_id].email):
                yield channel, concerned[channel.person_id]
        for channel in wanted:
            if channel.group_id in ticket.asked:
                yield from self._of_group(channel, concerned.values())
        if kind is NoticeKind.STUCK:
            yield from ((None, person) for person in concerned.values() if person.email)

    def concerned(self, kind: NoticeKind, ticket: Ticket) -> Iterator[User]:
        """Everybody this is news to, among those who may see the ticket now."""
        votes = self.spoken.get(ticket.pk, {})
        for pk, person in self.known.items():
            is_asked = bool(self.groups[pk] & set(ticket.asked))
            if kind in WAITING:
                is_barred = ticket.bar_requester and ticket.requester_id == pk
                has_spoken = ticket.revision in votes.get(pk, ())
                is_concerned = bool(self.groups[pk] & set(ticket.asked_now)) and not is_barred and not has_spoken
            elif kind is NoticeKind.STUCK:
                is_concerned = person.is_superuser
            else:
                is_concerned = ticket.requester_id == pk or (pk in votes and (is_asked or person.is_superuser))
            if is_concerned:
                yield person

    def _of_group(
        self, channel: NoticeChannel, concerned: Iterable[User]
    ) -> Iterator[tuple[NoticeChannel | None, User | None]]:
        if channel.is_service:
            yield channel, None
            return
        for person in concerned:
            if person.email and channel.group_id in self.groups[person.pk]:
                yield channel, person
