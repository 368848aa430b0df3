"""Arguments and words are erased for somebody's privacy: in the record, where the chain stays as it is and says so, and
in the ticket itself. What was decided, by whom and when stays, and so does the digest of what it was about."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from approvals.audit import bodies, chain
from approvals.errors import CannotErase
from approvals.models import Batch, Decision, Handover, KeyedRequest, Payload, Revision, Ticket, Wordlist
from approvals.states import Execution, TicketState

#: What a ticket says of people, and what stands there afterwards.
EMPTY: dict[str, Any] = {
    "description": "",
    "reasoning": "",
    "context": [],
    "evidence": [],
    "case_for": "",
    "case_against": "",
    "best_guess": None,
    "args_schema": None,
    "answer_schema": None,
    "confirm_text": "",
    "message": "",
    "result": None,
    "error": "",
}
#: Where a policy left words made from the arguments.
FILLED = ("totals", "confirm_note")
#: Nobody asks after the answer to these: the agent went on to something else.
UNTOLD = frozenset({TicketState.CANCELLED, TicketState.SUPERSEDED})


def erase(ticket_id: int, *, reason: str, actor: User | None = None) -> int:
    """Erase what a ticket and its entries say in words and arguments; how many entries. 0 where nothing was left.

    What asked people about a doubt over it repeats it, and is erased with it. Each erasure and its entry commit
    together: the database refuses the one without the other. Raises CannotErase for what is not over.
    """
    with transaction.atomic():
        told = Ticket.objects.filter(pk=ticket_id) | Ticket.objects.filter(about=ticket_id)
        found = list(told.select_for_update(of=("self",)).order_by("pk"))
        for ticket in found:
            _check(ticket)
        return sum(_erase(ticket, reason=reason, actor=actor) for ticket in found)


def erase_stream(stream: str, *, reason: str, actor: User | None = None, **facts: Any) -> int:
    """Erase what the entries of a stream about no ticket say of people; how many. It is on record even where none did.

    The caller holds what keeps others from writing there meanwhile, and is in a transaction.
    """
    payloads = Payload.objects.filter(entry__stream=stream)
    found = dict(payloads.values_list("pk", "entry__seq"))
    chain.append(bodies.ERASED, stream=stream, actor=actor, erased=sorted(found.values()), reason=reason, **facts)
    Payload.objects.filter(pk__in=list(found)).delete()
    return len(found)


def _check(ticket: Ticket) -> None:
    is_told = ticket.delivered_at or ticket.state in UNTOLD
    is_awaited = ticket.interrupt_id or ticket.state in {TicketState.APPROVED, TicketState.ANSWERED}
    if ticket.is_open:
        raise CannotErase(ticket=ticket.pk, why="it waits for people")
    if not is_told and is_awaited:
        raise CannotErase(ticket=ticket.pk, why="its agent was not told yet")
    if ticket.execution in {Execution.STARTED, Execution.UNKNOWN}:
        raise CannotErase(ticket=ticket.pk, why="what became of it is not known yet")


def _erase(ticket: Ticket, *, reason: str, actor: User | None) -> int:
    payloads = Payload.objects.filter(entry__stream=f"ticket/{ticket.pk}")
    seqs = sorted(payloads.values_list("entry__seq", flat=True))
    if ticket.erased_at and not seqs:
        return 0
    chain.follow(ticket)
    chain.append(bodies.ERASED, ticket=ticket, actor=actor, erased=seqs, reason=reason, ticket_too=True)
    Payload.objects.filter(pk__in=list(payloads.values_list("pk", flat=True))).delete()
    policy = {key: value for key, value in ticket.policy.items() if key not in FILLED}
    Ticket.objects.filter(pk=ticket.pk, erased_at=None).update(**EMPTY, policy=policy, erased_at=Now())
    Revision.objects.filter(ticket=ticket).exclude(args={}).update(args={})
    Decision.objects.filter(ticket=ticket).exclude(message="").update(message="")
    Handover.objects.filter(ticket=ticket).delete()
    KeyedRequest.objects.filter(ticket=ticket).delete()  # made from words; nothing can be decided again
    _forget_refusals(ticket)
    Wordlist.objects.filter(ticket=ticket).delete()
    return max(len(seqs), 1)


def _forget_refusals(ticket: Ticket) -> None:
    """Why it was left alone by who decided many together; a sentence may have said what it asks for."""
    for batch in Batch.objects.select_for_update().filter(refused__has_key=str(ticket.pk)).order_by("pk"):
        del batch.refused[str(ticket.pk)]
        batch.save(update_fields=["refused"])
