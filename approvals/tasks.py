"""The queue's side of `approvals`: a job takes an id and calls one function."""

from __future__ import annotations

from contextlib import suppress

from procrastinate.contrib.django import app

from approvals import deadlines, logs, resume, traces
from approvals.errors import TicketNotFound


@app.task(name=resume.EXPIRE_TASK_NAME, queue=resume.QUEUE)
def expire(ticket_id: int) -> None:
    """Keep the deadline of this ticket, after those that passed earlier and were not kept.

    The queue would take jobs that are due by their age, not by their deadline.
    """
    deadlines.expire_overdue()
    with logs.about(ticket_id=ticket_id), traces.span("deadline", ticket_id=ticket_id), suppress(TicketNotFound):
        deadlines.expire(ticket_id)  # a ticket that is gone has no deadline
