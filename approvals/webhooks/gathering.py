"""From entries of the record to messages: each webhook gets each entry that is about a ticket, once."""

from __future__ import annotations

from django.db import transaction

from approvals.models import Delivery, Leaf, NoticeReach, Webhook

LIMIT = 500
#: The row that says how far; the first is that of the notices.
ROW = 2
#: No opinion of a reviewer before the ticket is closed, and no argument.
KINDS = (
    *("ticket.opened", "ticket.escalated", "ticket.recalled", "ticket.reopened", "ticket.stuck", "ticket.signable"),
    *("ticket.approved", "ticket.rejected", "ticket.answered", "ticket.expired", "ticket.cancelled"),
    *("ticket.superseded", "ticket.delivered"),
    *("execution.started", "execution.succeeded", "execution.failed", "execution.unknown"),
)


def gather() -> int:
    """Messages about what has happened since the last time; how many. One process at a time."""
    with transaction.atomic():
        NoticeReach.objects.get_or_create(pk=ROW)
        reach = NoticeReach.objects.select_for_update(skip_locked=True).filter(pk=ROW).first()
        if reach is None:
            return 0
        leaves = Leaf.objects.filter(number__gte=reach.place).order_by("number")
        found = list(leaves.values_list("number", "entry", "entry__type", "entry__ticket__graph")[:LIMIT])
        told = [(entry, graph) for _, entry, kind, graph in found if kind in KINDS and graph is not None]
        hooks = list(Webhook.objects.filter(enabled=True)) if told else []
        made = [
            Delivery(webhook=hook, entry_id=entry)
            for hook in hooks
            for entry, graph in told
            if hook.graph in {"", graph}
        ]
        Delivery.objects.bulk_create(made, ignore_conflicts=True)
        if found:
            NoticeReach.objects.filter(pk=ROW).update(place=found[-1][0] + 1)
    return len(made)
