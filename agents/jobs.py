"""The jobs that drive a run, by name: whoever asks for one loads no graph. The row says what is to be done."""

from __future__ import annotations

from procrastinate.contrib.django import app

from approvals import resume

DRIVE_TASK_NAME = "agents.drive"


def enqueue(thread_id: str) -> None:
    """Ask a worker to do what the run's row says, in the transaction that writes the row.

    No queue lock: the run's lease keeps two workers apart, and a resume that waits must not hold this up.
    """
    app.configure_task(DRIVE_TASK_NAME, queue=resume.QUEUE, allow_unknown=True).defer(thread_id=thread_id)
