"""Who sees how much of a run.

Everything (conversation, steps, values): the person who asked for it, and staff who may view runs. Those
who see it because of a ticket see where it stands, how it ended, the tickets they may see, and of the
conversation what the newest of these tickets shows them anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.models import Run
from approvals.models import Ticket


def sees_everything(user: Any, run: Run) -> bool:
    """May this person read all that was said and every value of the state?"""
    is_requester = run.requester_id is not None and run.requester_id == user.pk
    return bool(user.is_active and (is_requester or user.has_perm("agents.view_run")))


def conversation(user: Any, run: Run, *, tickets: Sequence[Ticket]) -> list[Any]:
    """What this person may read of what was said; `tickets` are those they may see, newest first."""
    if sees_everything(user, run):
        return list(run.transcript)
    return next((list(ticket.context) for ticket in tickets if ticket.context), [])
