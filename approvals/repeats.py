"""When an agent asks again for what people refused: which ticket the new one follows, and how often is enough."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from approvals import digests
from approvals.contract import Origin, ProposedAction
from approvals.models import Decision, Ticket
from approvals.states import DecisionType, TicketState

#: The agent heard a no, or nothing. An answer that lets the graph act is no refusal.
REFUSED = Q(state__in=(TicketState.REJECTED, TicketState.EXPIRED))
TURNED_AWAY = REFUSED | Q(state=TicketState.ANSWERED, answer_releases=False)
#: The question is asked anew, and somebody had said no: whoever is asked now must see that.
WIPED = Q(state=TicketState.SUPERSEDED, pk__in=Decision.objects.filter(type=DecisionType.REJECT).values("ticket"))
#: Further back nobody looks for what an action resembles.
LOOK_BACK = 20

TOO_OFTEN = "The agent has asked for this {number} times and was refused each time; the policy “{policy}” ends it here."


def followed(action: ProposedAction, *, origin: Origin) -> Ticket | None:
    """The refused ticket of the same task that this action asks for again; of several the most alike.

    One query. A refused ticket is followed once, and a new message from the requester begins a new task.
    """
    if origin.is_new:
        return None
    earlier = Ticket.objects.filter(
        TURNED_AWAY | WIPED, thread_id=origin.thread_id, action=action.action, followers=None
    )
    if origin.since is not None:
        earlier = earlier.filter(opened_at__gte=origin.since)
    candidates = list(earlier.order_by("-id").prefetch_related("revisions")[:LOOK_BACK]) if origin.thread_id else []
    return min(candidates, key=lambda ticket: _distance(ticket.args, action.args), default=None)


def number_after(follows: Ticket | None) -> int:
    """How often the agent has asked, this time included.

    An answer in words is no refusal and does not count, nor does what people had asked anew.
    """
    if follows is None:
        return 1
    return follows.request_number + (follows.state not in {TicketState.ANSWERED, TicketState.SUPERSEDED})


def _distance(before: dict[str, Any], after: dict[str, Any]) -> int:
    keys = {*before, *after}
    return sum(key not in before or key not in after or not digests.alike(before[key], after[key]) for key in keys)
