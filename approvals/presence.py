"""Who has a ticket open, and who is about to approve it: told by their pages, forgotten a minute after the last word.

It blocks nobody and is no entry of the record: who was first is decided by the ticket's lock.
"""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Case, Exists, OuterRef, QuerySet, When
from django.db.models.functions import Now

from approvals.models import Presence, Ticket

LASTS = timedelta(minutes=1)


def note(ticket: Ticket, person: User, *, is_deciding: bool) -> None:
    """This person's page is open."""
    Presence.objects.filter(seen_at__lt=Now() - LASTS).delete()
    seen = Presence(ticket=ticket, person=person, seen_at=Now(), deciding_since=Now() if is_deciding else None)
    Presence.objects.bulk_create(
        [seen],
        update_conflicts=True,
        unique_fields=["ticket", "person"],
        update_fields=["seen_at"] if is_deciding and _is_deciding(ticket, person) else ["seen_at", "deciding_since"],
    )


def others(ticket: Ticket, *, than: User) -> QuerySet[Presence]:
    """Who else has it open now; who is deciding first. Whoever has said their word is not deciding any more."""
    here = Presence.objects.filter(ticket=ticket, seen_at__gte=Now() - LASTS, person__is_active=True)
    said = ticket.decisions.standing(ticket.revision).filter(reviewer=OuterRef("person"))
    named = here.exclude(person=than).annotate(decides_since=Case(When(~Exists(said), then="deciding_since")))
    return named.select_related("person").order_by("decides_since", "person__username")


def is_here(ticket: Ticket, person: User) -> bool:
    """Does this person have it open now?"""
    return Presence.objects.filter(ticket=ticket, person=person, seen_at__gte=Now() - LASTS).exists()


def _is_deciding(ticket: Ticket, person: User) -> bool:
    return Presence.objects.filter(ticket=ticket, person=person, deciding_since__isnull=False).exists()
