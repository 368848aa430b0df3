"""Long polls, through the handler that serves them: answered at once when it matters, and held by nothing meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.test import RequestFactory

from approvals import tokens
from approvals.api import tickets, waiting
from approvals.api.waiting import Later
from approvals.live import bus, hub
from approvals.live.waiters import LOOKS
from approvals.models import Ticket
from hitl_site.asgi import application
from tests import factories
from tests.api.programs import PREFIX, Program

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 30


async def elsewhere(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run in a thread of its own, on a database connection of its own."""

    def run() -> Any:
        try:
            return call(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


@asynccontextmanager
async def server(program: Program) -> AsyncIterator[httpx.AsyncClient]:
    """The application as a server runs it, for this program."""
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {program.secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client
        while hub.current().waiters or hub.current()._tasks:
            await asyncio.sleep(0.01)


def decide(ticket: int, reviewer: Any, type: str = "approve") -> None:
    """Not through Django's test client: while it serves a request nobody's connection is closed."""
    factories.decide(Ticket.objects.get(pk=ticket), reviewer, type)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(LONG):
        while not condition():
            await asyncio.sleep(0.01)


def waits(ticket: int, seconds: int = LONG) -> str:
    return f"{PREFIX}tickets/{ticket}?wait={seconds}"


def run(scene: Coroutine[Any, Any, None]) -> None:
    """In a loop with no thread behind it, as in a server."""
    asyncio.run(scene)


@pytest.fixture
def asked(agent: Program, transfers: Any) -> int:
    """A transfer that Dave's agent asks for."""
    return int(agent.ask().json()["id"])


def test_the_answer_comes_with_the_last_word(agent: Program, asked: int, alice: Any) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            poll = asyncio.create_task(client.get(waits(asked)))
            await until(lambda: bool(hub.current().waiters))
            await elsewhere(decide, asked, alice, "reject")
            assert (await poll).json()["state"] == "rejected"

    run(scene())


def test_who_is_told_of_a_word_does_not_stand_behind_those_whose_time_is_over(
    agent: Program, asked: int, alice: Any
) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            poll = asyncio.create_task(client.get(waits(asked)))
            waiters = hub.current().waiters
            await until(lambda: bool(waiters))
            for _ in range(LOOKS):  # all of them look, and take their time
                await waiters.turn.acquire()
            await elsewhere(decide, asked, alice, "reject")
            async with asyncio.timeout(LONG / 2):
                assert (await poll).json()["state"] == "rejected"

    run(scene())


def test_a_word_that_ends_nothing_does_not_end_the_wait(agent: Program, asked: int, alice: Any, carol: Any) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            poll = asyncio.create_task(client.get(waits(asked)))
            await until(lambda: bool(hub.current().waiters))
            await elsewhere(decide, asked, alice)
            await elsewhere(decide, asked, carol)
            assert (await poll).json()["state"] == "approved"

    run(scene())


def test_a_notice_that_is_lost_delays_by_seconds(agent: Program, asked: int, alice: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(bus, "payloads", lambda ids: [])
    test_the_answer_comes_with_the_last_word(agent, asked, alice)


def test_it_waits_no_longer_than_it_was_told(agent: Program, asked: int) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            began = time.monotonic()
            answer = await client.get(waits(asked, 1))
            assert (answer.status_code, answer.json()["state"]) == (200, "pending")
            assert time.monotonic() - began >= 1

    run(scene())


def test_more_wait_than_the_pool_has_connections_and_none_holds_a_thread(
    agent: Program, asked: int, alice: Any
) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            before = threading.active_count()
            polls = [asyncio.create_task(client.get(waits(asked))) for _ in range(40)]
            listening = hub.current().waiters._listening
            await until(lambda: len(listening.get(f"ticket/{asked}", ())) == 40)
            await until(lambda: threading.active_count() <= before + 3)  # the hub's own
            assert (await client.get(waits(asked, 0))).status_code == 200
            assert await elsewhere(_connections) <= 13  # the pool's ten, kept open, the hub's, the test's
            await elsewhere(decide, asked, alice, "reject")
            assert {(await poll).json()["state"] for poll in polls} == {"rejected"}

    run(scene())


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_a_token_revoked_meanwhile_opens_nothing_any_more(agent: Program, asked: int, alice: Any) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            poll = asyncio.create_task(client.get(waits(asked)))
            await until(lambda: bool(hub.current().waiters))
            await elsewhere(tokens.revoke, agent.token.pk, actor=None)
            await elsewhere(decide, asked, alice, "reject")
            assert (await poll).status_code == 401

    run(scene())


def test_a_token_revoked_meanwhile_is_told_nothing_when_the_time_is_over(agent: Program, asked: int) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            poll = asyncio.create_task(client.get(waits(asked, 2)))
            await until(lambda: bool(hub.current().waiters))
            await elsewhere(tokens.revoke, agent.token.pk, actor=None)
            assert (await poll).status_code == 401

    run(scene())


def test_a_decision_between_the_look_and_the_listening_is_not_missed(
    agent: Program, asked: int, alice: Any, monkeypatch: Any
) -> None:
    listening = Later.listening

    @asynccontextmanager
    async def after_the_last_word(later: Later) -> AsyncIterator[asyncio.Event]:
        await elsewhere(decide, asked, alice, "reject")
        await until(lambda: hub.current().waiters.heard([f"ticket/{asked}"], since=later.moment))
        async with listening(later) as news:
            yield news

    async def scene() -> None:
        async with server(agent) as client, hub.current().listening(["ticket/0"], since=0):
            monkeypatch.setattr(Later, "listening", after_the_last_word)
            async with asyncio.timeout(LONG / 2):
                assert (await client.get(waits(asked))).json()["state"] == "rejected"

    run(scene())


def test_what_happened_before_anybody_listened_is_looked_for(
    agent: Program, asked: int, alice: Any, monkeypatch: Any
) -> None:
    listening = Later.listening

    @asynccontextmanager
    async def after_the_last_word(later: Later) -> AsyncIterator[asyncio.Event]:
        await elsewhere(decide, asked, alice, "reject")
        async with listening(later) as news:
            yield news

    async def scene() -> None:
        async with server(agent) as client:
            monkeypatch.setattr(Later, "listening", after_the_last_word)
            async with asyncio.timeout(LONG / 2):
                assert (await client.get(waits(asked))).json()["state"] == "rejected"

    run(scene())


def test_a_poll_looks_once_with_three_statements_and_draws_the_ticket_only_at_its_end(
    agent: Program, asked: int, alice: Any, caplog: Any
) -> None:
    async def scene() -> None:
        async with server(agent) as client, hub.current().listening(["ticket/0"], since=0):
            await client.get(waits(asked, 0))  # the minute's first request of a token writes that it was used
            with _statements() as sent:
                poll = asyncio.create_task(client.get(waits(asked)))
                await until(lambda: f"ticket/{asked}" in hub.current().waiters._listening)
                await asyncio.wait([poll], timeout=0.5)
                assert len(sent) == 3, sent  # the token, its count, the ticket's state
            await elsewhere(decide, asked, alice, "reject")
            assert (await poll).json()["state"] == "rejected"

    run(scene())


@contextmanager
def _statements() -> Iterator[list[str]]:
    """What is sent on every connection that is opened from now on."""
    sent: list[str] = []

    def note(execute: Any, sql: str, *args: Any) -> Any:
        sent.append(sql)
        return execute(sql, *args)

    def follow(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(note)

    connection_created.connect(follow)
    try:
        yield sent
    finally:
        connection_created.disconnect(follow)


def test_of_many_woken_at_once_only_a_few_look_at_a_time(
    agent: Program, asked: int, alice: Any, monkeypatch: Any
) -> None:
    here, most = 0, 0
    shown = tickets.shown

    def counting(*args: Any) -> Any:
        nonlocal here, most
        here += 1
        most = max(most, here)
        time.sleep(0.02)
        try:
            return shown(*args)
        finally:
            here -= 1

    async def scene() -> None:
        async with server(agent) as client:
            polls = [asyncio.create_task(client.get(waits(asked))) for _ in range(40)]
            listening = hub.current().waiters._listening
            await until(lambda: len(listening.get(f"ticket/{asked}", ())) == 40)
            monkeypatch.setattr(tickets, "shown", counting)
            await elsewhere(decide, asked, alice, "reject")
            assert {(await poll).json()["state"] for poll in polls} == {"rejected"}
        assert 1 < most <= LOOKS

    run(scene())


def test_those_who_came_together_do_not_all_come_back_together() -> None:
    ends = [_end(60) for _ in range(50)]
    assert max(ends) - min(ends) > 2
    assert all(54 <= end <= 60.5 for end in ends)
    assert all(3 <= _end(3) <= 3.5 for _ in range(10))


def _end(seconds: int) -> float:
    """In how many seconds the wait of a request that comes now is over."""

    async def scene() -> float:
        request = RequestFactory().get(f"/?wait={seconds}")
        began = time.monotonic()
        async with waiting.turn(request):
            waiting.has_time(request, seconds=seconds)
        return Later(request=request, streams=(), at_most=0).until - began

    return asyncio.run(scene())


def test_looking_again_counts_as_one_request(agent: Program, asked: int) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            await client.get(waits(asked, 1))

    agent.token.use.delete()
    run(scene())
    agent.token.refresh_from_db()
    assert agent.token.use.count == 1
