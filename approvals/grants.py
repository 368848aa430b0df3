"""Approvals that are remembered: exactly these arguments, again, for a while, without asking.

Only where the policy allows it, only low and medium risk behind a plain gate, only as an explicit choice of
the person whose signature releases a ticket. It holds for the same graph, action, arguments and requester
under the same version of the same policy, while the person who gave it may still sign. Each use is an
ordinary ticket with its own record; anybody who may see the ticket it came from may take it back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from approvals import audit, digests, sign_off, tickets
from approvals.contract import Origin, ProposedAction
from approvals.errors import DecisionNotAllowed
from approvals.matching import Terms
from approvals.models import Grant, Ticket
from approvals.states import MEMORABLE_GATES, MEMORABLE_RISKS, DecisionType, TicketState

NOT_REMEMBERED = "This approval cannot be remembered: the policy does not allow it here. Nothing was changed."
NOT_LAST = "Only the signature that releases a ticket, without changing it, can be remembered. Nothing was changed."


def seconds_of(ticket: Ticket) -> int:
    """How long an approval of this ticket may be remembered; 0 where it may not."""
    if ticket.requester_id is None or not _is_memorable(ticket.risk, ticket.gate):
        return 0
    return int(ticket.policy.get("remember_seconds") or 0)


def give(ticket: Ticket, *, reviewer: User, kind: DecisionType, now: datetime) -> Grant:
    """Remember the approval that this decision has just completed. The caller holds the row lock.

    Raises DecisionNotAllowed where the policy does not allow it, or the decision did not release the ticket.
    """
    seconds = seconds_of(ticket)
    if not seconds or ticket.requester is None:
        raise DecisionNotAllowed(NOT_REMEMBERED)
    if ticket.state != TicketState.APPROVED or kind is not DecisionType.APPROVE:
        raise DecisionNotAllowed(NOT_LAST)
    grant = Grant.objects.create(
        ticket=ticket,
        graph=ticket.graph,
        action=ticket.action,
        digest=digests.of_action(graph=ticket.graph, action=ticket.action, args=ticket.args),
        requester=ticket.requester,
        policy_name=ticket.policy_name,
        policy_version=ticket.policy_version,
        granted_by=reviewer,
        granted_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    audit.append("grant.given", ticket=ticket, actor=reviewer, **_told(grant), seconds=seconds)
    return grant


def usable(action: ProposedAction, *, origin: Origin, requester: User | None, terms: Terms) -> Grant | None:
    """The grant that lets this action run under these terms; it cannot be taken back before the commit.

    Whoever gave it must still be somebody who may sign, and so must those who signed with them: a grant outlives
    nobody's rights.
    """
    if requester is None or not terms.remember_seconds or not _is_memorable(terms.risk, terms.gate):
        return None
    signers = User.objects.filter(is_active=True, groups__name__in=[group for group, _ in terms.requirements])
    if terms.bar_requester:
        signers = signers.exclude(pk=requester.pk)
    found = Grant.objects.filter(
        graph=origin.graph,
        action=action.action,
        digest=digests.of_action(graph=origin.graph, action=action.action, args=action.args),
        requester=requester,
        policy_name=terms.name,
        policy_version=terms.version,
    )
    return sign_off.in_force(found, signers=signers)


def use(grant: Grant, ticket: Ticket) -> str:
    """Write down which grant lets the ticket through, and will be asked for again; the sentence that says so."""
    ticket.grant = grant
    ticket.save(update_fields=["grant"])
    audit.append("grant.used", ticket=ticket, **_told(grant), granted_for=grant.ticket_id)
    until = grant.expires_at.strftime("%H:%M")
    return (
        f"{grant.granted_by.get_username()} approved exactly this on ticket {grant.ticket_id} "
        f"and let it run again until {until} UTC."
    )


def revoke(ticket_id: int, *, actor: User) -> int:
    """Take back what was given with this ticket; how many grants that ended. Repeated, it does nothing."""
    with transaction.atomic():
        ticket, now = tickets.lock(ticket_id)
        ended = list(ticket.grants.live().select_for_update(of=("self",)))
        for grant in ended:
            grant.revoked_at, grant.revoked_by = now, actor
            grant.save(update_fields=["revoked_at", "revoked_by"])
            audit.append("grant.revoked", ticket=ticket, actor=actor, **_told(grant))
    return len(ended)


def _is_memorable(risk: str, gate: str) -> bool:
    return risk in MEMORABLE_RISKS and gate in MEMORABLE_GATES


def _told(grant: Grant) -> dict[str, Any]:
    return {
        "grant": grant.pk,
        "granted_by": grant.granted_by.get_username(),
        "expires_at": grant.expires_at.isoformat(),
    }
