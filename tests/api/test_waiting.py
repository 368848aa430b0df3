"""Long polls, through the handler that serves them: answered at once when it matters, and held by nothing meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from django.db import connection, connections

from approvals import tokens
from approvals.live import bus, hub
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


def test_looking_again_counts_as_one_request(agent: Program, asked: int) -> None:
    async def scene() -> None:
        async with server(agent) as client:
            await client.get(waits(asked, 1))

    agent.token.use.delete()
    run(scene())
    agent.token.refresh_from_db()
    assert agent.token.use.count == 1
