"""The same request at once, as a client sends it that heard no answer: one ticket, one word."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection

from approvals.models import Decision, KeyedRequest, RemoteRequest, Ticket
from tests import factories
from tests.api.programs import Program

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(call: Callable[[int], Any], times: int = 6) -> list[Any]:
    """What each was answered."""
    together, answers = threading.Barrier(times), list[Any]()

    def run(number: int) -> None:
        try:
            together.wait(20)
            answers.append(call(number))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.parametrize("round", range(5))
def test_one_key_at_once_is_one_ticket(dave: Any, transfers: Any, round: int) -> None:
    agent = Program(dave, "request")
    answers = at_once(lambda _: agent.ask(key="the-same"))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (Ticket.objects.count(), RemoteRequest.objects.count()) == (1, 1)


@pytest.mark.parametrize("round", range(3))
def test_one_key_at_once_is_one_word(dave: Any, transfers: Any, alice: Any, round: int) -> None:
    ticket, reviewer = Program(dave, "request").ask().json(), Program(alice, "decide")
    answers = at_once(lambda _: reviewer.decide(ticket["id"], key="the-same"))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert (Decision.objects.count(), KeyedRequest.objects.count()) == (1, 1)


def test_one_key_for_two_tickets_at_once_decides_on_one(dave: Any, transfers: Any, alice: Any) -> None:
    agent, reviewer = Program(dave, "request"), Program(alice, "decide")
    ids = [agent.ask().json()["id"] for _ in range(2)]
    answers = at_once(lambda number: reviewer.decide(ids[number], key="the-same"), times=2)
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert Decision.objects.count() == 1


def test_the_database_takes_a_key_once(alice: Any) -> None:
    told = {"user": alice, "key": "k", "ticket": factories.open_ticket(), "digest": "0" * 64}
    KeyedRequest.objects.create(**told)
    with pytest.raises(IntegrityError):
        KeyedRequest.objects.create(**told)
