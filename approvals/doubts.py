"""An action of which nobody knows whether it happened: a ticket that asks people what became of it.

It is a ticket like any other, for the same groups and with as many signatures, about another one. Its three
decisions say: to answer, it happened, and what came of it; to approve, it did not, run it again; to reject,
nobody can tell, the run stays stopped. The run goes on with an answer as the result: as many as sign have to give
the same one. For the run to stay stopped one word is enough.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import Group

from approvals import audit, digests, shortages
from approvals.models import Revision, Ticket, TicketRequirement
from approvals.states import DecisionType, Gate, OnTimeout

ACTION = "reconcile"
PROTOCOL = "reconcile"
TITLE = "Did “{action}” happen? Nobody knows"
#: Where nobody had to sign the action itself.
FALLBACK = (("reviewers", 1),)


def ask(doubtful: Ticket, *, now: datetime, may_run_again: bool) -> Ticket | None:
    """Open the ticket about this one, whose row lock the caller holds; None where one is open already.

    `may_run_again`: it is proven that whoever began it does nothing any more. Else that is offered later.
    """
    if Ticket.objects.pending().filter(about=doubtful).exists():
        return None
    args = {"ticket": doubtful.pk, "action": doubtful.action, "arguments": doubtful.args}
    ticket = Ticket(
        about=doubtful,
        graph=doubtful.graph,
        thread_id=doubtful.thread_id,
        protocol=PROTOCOL,
        action=ACTION,
        card={"title": TITLE},
        reasoning=doubtful.error,
        context=doubtful.context,
        risk=doubtful.risk,
        gate=Gate.HARD,
        policy_name=doubtful.policy_name,
        policy_version=doubtful.policy_version,
        policy={**doubtful.policy, "steps": [], "totals": [], "confirm": "", "in_sequence": False, "blind": False},
        allowed_decisions=_allowed(may_run_again),
        answer_releases=True,
        requester=doubtful.requester,
        bar_requester=doubtful.bar_requester,
        least_signers=doubtful.least_signers,
        on_timeout=OnTimeout.REJECT,
        opened_at=now,
    )
    ticket.digest = digests.of_revision(
        graph=ticket.graph, thread_id=ticket.thread_id, action=ticket.action, number=1, args=args
    )
    ticket.save()
    audit.begin(ticket, at=now)
    Revision.objects.create(ticket=ticket, number=1, args=args, digest=ticket.digest)
    _require(ticket, doubtful)
    audit.append("ticket.opened", ticket=ticket, args=args, policy=ticket.policy, graph=ticket.graph, about=doubtful.pk)
    shortages.note(ticket)
    return ticket


def offer_another_run(ticket: Ticket) -> None:
    """It is proven now that the first worker does nothing any more. The caller holds the row lock."""
    if DecisionType.APPROVE not in ticket.allowed_decisions:
        ticket.allowed_decisions = _allowed(True)
        ticket.save(update_fields=["allowed_decisions"])
        audit.append("reconcile.may_run_again", ticket=ticket)


def _allowed(may_run_again: bool) -> list[str]:
    always = [DecisionType.RESPOND.value, DecisionType.REJECT.value]
    return [DecisionType.APPROVE.value, *always] if may_run_again else always


def _require(ticket: Ticket, doubtful: Ticket) -> None:
    asked = list(doubtful.requirements.values_list("group", "needed"))
    if not asked:
        asked = [(Group.objects.get_or_create(name=name)[0].pk, needed) for name, needed in FALLBACK]
    TicketRequirement.objects.bulk_create(
        TicketRequirement(ticket=ticket, group_id=group, needed=needed) for group, needed in asked
    )
