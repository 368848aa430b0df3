"""The job row is the interface: a resolved ticket asks, by name, for its graph to be resumed.

The job is deferred in the transaction that resolves the ticket: it appears with the commit and is gone
with a rollback, and this process needs to know nothing of the task. The queue is a hint; a sweep finds
what no job holds, and running a job twice is harmless.
"""

from __future__ import annotations

from datetime import datetime

from procrastinate.contrib.django import app

from approvals.models import Ticket

TASK_NAME = "agents.resume"
QUEUE = "resume"
EXPIRE_TASK_NAME = "approvals.expire"


def enqueue(ticket: Ticket) -> None:
    """Ask for the ticket's graph to be resumed once its recall window is over.

    `lock`, not `queueing_lock`: a duplicate of the latter would break the deciding transaction. And none on a job
    that waits for its window: it would hold up the other tickets of its thread. The run's lease keeps workers apart.
    """
    if not ticket.interrupt_id and ticket.about_id is None:
        return  # a remote agent waits over the API; there is no graph here to resume
    held = ticket.release_at and ticket.resolved_at and ticket.release_at > ticket.resolved_at
    later = ticket.release_at if held else None
    lock = None if later else ticket.thread_id
    app.configure_task(TASK_NAME, lock=lock, queue=QUEUE, schedule_at=later, allow_unknown=True).defer(
        thread_id=ticket.thread_id, ticket_id=ticket.pk
    )


def enqueue_expiry(ticket_id: int, *, at: datetime) -> None:
    """Ask for a look at the ticket when its deadline has come."""
    app.configure_task(EXPIRE_TASK_NAME, queue=QUEUE, schedule_at=at, allow_unknown=True).defer(ticket_id=ticket_id)
