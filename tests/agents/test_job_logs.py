"""What a worker logs names the run and the ticket that it works on."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from approvals import logs
from approvals.models import Ticket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """What the runner logs, as programs read it."""
    told, logger = io.StringIO(), logging.getLogger("agents.runner")
    handler, level = logging.StreamHandler(told), logger.level
    handler.setFormatter(logs.JSONLines())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield told
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_what_a_job_logs_names_its_run_and_its_ticket(start, run_together, said):
    from agents import tasks

    run = start("two_questions")
    ticket = Ticket.objects.get()
    run_together(tasks.resume(thread_id=run.thread_id, ticket_id=ticket.pk))
    line = json.loads(said.getvalue())
    assert (line["thread_id"], line["ticket_id"]) == (run.thread_id, ticket.pk)
    assert line["message"].startswith("Nothing to deliver of ticket")
