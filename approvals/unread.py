"""Which tickets somebody has not opened yet. It concerns nobody else, so it is no audit entry.

Only the page of a ticket counts, and only when somebody opens it: a page that looks again by itself, one that is
fetched in case it is wanted, the API and the socket are no looks.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User

from approvals.models import Seen, Ticket


def note(ticket: Ticket, person: User) -> None:
    """This person has opened it; harmless when they have before."""
    Seen.objects.bulk_create([Seen(ticket=ticket, person=person)], ignore_conflicts=True)


def forget(ticket: Ticket, person: User) -> None:
    """To this person it counts as unread again."""
    Seen.objects.filter(ticket=ticket, person=person).delete()


def seen(tickets: Iterable[Ticket], *, by: Iterable[int]) -> dict[int, set[int]]:
    """Those of these tickets that any of these people have opened, and who did, by their ids. One query."""
    found: dict[int, set[int]] = {}
    opened = Seen.objects.filter(ticket__in=[ticket.pk for ticket in tickets], person__in=by)
    for ticket_id, person_id in opened.values_list("ticket", "person"):
        found.setdefault(ticket_id, set()).add(person_id)
    return found
