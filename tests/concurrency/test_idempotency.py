"""The same request at once, as a client sends it that heard no answer: one ticket."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from approvals.models import RemoteRequest, Ticket
from tests.api.programs import Program

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("round", range(5))
def test_one_key_at_once_is_one_ticket(dave: Any, transfers: Any, round: int) -> None:
    agent, together = Program(dave, "request"), threading.Barrier(6)
    answers: list[Any] = []

    def ask() -> None:
        try:
            together.wait(20)
            answers.append(agent.ask(key="the-same"))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (Ticket.objects.count(), RemoteRequest.objects.count()) == (1, 1)
