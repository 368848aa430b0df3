"""What an approval costs beyond LangGraph's own checkpoints: how often it waits for the disk, exactly."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from django.db import connection, connections

pytestmark = pytest.mark.django_db(transaction=True)

#: Pause (the tickets), decide, take the lease twice, claim, what it came to.
OURS = 6
TASK = {"messages": [{"role": "user", "content": "search the news"}]}
TIMES = 3


def test_an_approval_waits_six_times_for_the_disk(disk: None, runtime: None, alice: Any) -> None:
    if connection.pg_version < 180_000:
        pytest.skip("Postgres counts its flushes from version 18 on")
    flushes(lambda: approved_cycle(alice))  # what is done once, such as drawing the graph
    bare, ours = flushes(bare_cycle), flushes(lambda: approved_cycle(alice))
    assert bare >= TIMES, "this server waits for no disk"
    assert (ours - bare) / TIMES <= OURS


def flushes(cycle: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """The flushes that connections of this process waited for; a connection tells its own when it ends."""

    async def repeat() -> None:
        from agents import checkpoints

        for _ in range(TIMES):
            await cycle()
        await checkpoints.close()

    hang_up()
    before = counted()
    asyncio.run(repeat())
    hang_up()
    return counted() - before


def hang_up() -> None:
    """End every connection of this process and wait until the server has noticed."""
    connections.close_all()
    connection.close_pool()
    deadline = time.monotonic() + 10
    while others() and time.monotonic() < deadline:
        time.sleep(0.02)


def others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def counted() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal' AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


async def bare_cycle() -> None:
    from langgraph.types import Command

    from agents import checkpoints, registry

    thread: Any = {"configurable": {"thread_id": str(uuid.uuid4()), "model": "scripted"}}
    graph = await registry.load("operations", checkpointer=await checkpoints.saver(), model="scripted")
    await graph.ainvoke(TASK, thread, durability="sync")
    asked = (await graph.aget_state(thread)).interrupts[0]
    await graph.ainvoke(Command(resume={asked.id: {"type": "approve"}}), thread, durability="sync")


async def approved_cycle(reviewer: Any) -> None:
    from agents import runner
    from agents.database import in_thread
    from approvals.models import Ticket
    from tests import factories

    thread_id = str(uuid.uuid4())
    await runner.start(graph="operations", input=TASK, thread_id=thread_id, requester_id=None)
    ticket = await in_thread(Ticket.objects.get, thread_id=thread_id)
    await in_thread(factories.decide, ticket, reviewer)
    await runner.resume(thread_id, ticket.pk)
