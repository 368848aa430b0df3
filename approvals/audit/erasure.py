"""Payloads are erased for somebody's privacy; the chain stays as it is, and says so."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from approvals.audit import bodies, chain
from approvals.models import Payload, Ticket


def erase(ticket_id: int, *, reason: str, actor: User | None = None) -> int:
    """Erase what the entries of a ticket say in words and arguments; how many. 0 where nothing is left to erase.

    The entry and the erasure commit together: the database refuses the one without the other.
    """
    with transaction.atomic():
        ticket = Ticket.objects.select_for_update(of=("self",)).filter(pk=ticket_id).first()
        payloads = Payload.objects.filter(entry__stream=f"ticket/{ticket_id}")
        seqs = sorted(payloads.values_list("entry__seq", flat=True))
        if ticket is None or not seqs:
            return 0
        chain.follow(ticket)
        chain.append(bodies.ERASED, ticket=ticket, actor=actor, erased=seqs, reason=reason)
        Payload.objects.filter(pk__in=list(payloads.values_list("pk", flat=True))).delete()
    return len(seqs)
