"""Who sees how much of a run.

Everything (conversation, steps, values): the person who asked for it, and staff who may view runs. Those
who see it because of a ticket see where it stands, how it ended, the tickets they may see, and of the
conversation what the newest of these tickets shows them anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from agents.models import Effect, Run
from approvals.models import Ticket


def sees_everything(user: Any, run: Run) -> bool:
    """May this person read all that was said and every value of the state?"""
    is_requester = run.requester_id is not None and run.requester_id == user.pk
    return bool(user.is_active and (is_requester or user.has_perm("agents.view_run")))


def effects(user: Any, run: Run, *, tickets: Sequence[Ticket]) -> list[Effect]:
    """What was carried out of the run, newest first: of those tickets that this person may see, or all."""
    mine = Effect.objects.filter(thread_id=run.thread_id).order_by("-id")
    return list(mine if sees_everything(user, run) else mine.filter(ticket__in=[ticket.pk for ticket in tickets]))


def questions(run: Run, *, tickets: Sequence[Ticket]) -> list[Ticket]:
    """What people are being asked about actions in doubt; each knows whether this person may see it."""
    may_be_seen = Q(pk__in=[ticket.pk for ticket in tickets])
    asked = Ticket.objects.pending().filter(thread_id=run.thread_id, about__isnull=False).select_related("about")
    return list(asked.order_by("pk").annotate(may_be_seen=may_be_seen))


def conversation(user: Any, run: Run, *, tickets: Sequence[Ticket]) -> list[Any]:
    """What this person may read of what was said; `tickets` are those they may see, newest first."""
    if sees_everything(user, run):
        return list(run.transcript)
    return next((list(ticket.context) for ticket in tickets if ticket.context), [])
