"""The queue's side of `approvals`: a job takes an id and calls one function."""

from __future__ import annotations

from procrastinate.contrib.django import app

from approvals import deadlines, resume
from approvals.errors import TicketNotFound


@app.task(name=resume.EXPIRE_TASK_NAME, queue=resume.QUEUE)
def expire(ticket_id: int) -> None:
    """Close the ticket if its deadline has passed."""
    try:
        deadlines.expire(ticket_id)
    except TicketNotFound:
        return  # a ticket that is gone has no deadline
