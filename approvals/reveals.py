"""A secret shown to somebody who is to sign it, and put on record: who looked, at what, on which version."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from approvals import audit, digests, masks, policy, tickets
from approvals.errors import NotAnApprover, OwnRequest, StaleDigest
from approvals.models import Ticket

#: So many places are named in the record, each no longer than this.
NAMED, LONGEST = 50, 200


def of(ticket: Ticket) -> list[masks.Secret]:
    """The secrets in what a reviewer reads of a ticket: its arguments, and what its agent says."""
    said = {
        "reasoning": ticket.reasoning,
        "description": ticket.description,
        "conversation": ticket.context,
        "evidence": ticket.evidence,
        "for": ticket.case_for,
        "against": ticket.case_against,
    }
    told = [*masks.secrets(ticket.args), *masks.secrets(said), *masks.secrets({"result": ticket.result})]
    return list({(secret.path, secret.mask): secret for secret in told}.values())


def may_reveal(ticket: Ticket, reader: User) -> bool:
    """Would it be shown to this reader? To who may decide, before and after their own word, until the ticket ends."""
    try:
        policy.may_decide(reader, ticket)
    except (NotAnApprover, OwnRequest):
        return False
    return ticket.is_open


def reveal(ticket_id: int, *, reader: User, digest: str) -> list[masks.Secret]:
    """The secrets of this version. The look is on record before anybody has it.

    Raises NotAnApprover or OwnRequest for who may not decide, TicketClosed, and StaleDigest for another version.
    """
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        policy.may_decide(reader, ticket)
        tickets.check_open(ticket, now)
        if not digests.same(digest, ticket.digest):
            raise StaleDigest(digest=ticket.digest, revision=ticket.revision)
        found = of(ticket)
        places = [secret.path[:LONGEST] for secret in found[:NAMED]]
        audit.append("secret.revealed", ticket=ticket, actor=reader, places=places, count=len(found))
        return found
