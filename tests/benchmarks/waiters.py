"""`waiters`: a thousand agents that wait for people on one web process, over real sockets on this machine.

What each of them costs in memory, what another request costs beside them, how long after a decision its agent knows,
and how many connections to the database all of them hold. The other side of each ratio is the same process with
nobody waiting.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from django.contrib.auth.models import Group, User
from django.db import connection

from approvals import tokens
from approvals.states import Scope
from tests import daphne, factories
from tests.benchmarks import stage

WAITERS = int(os.environ.get("COUNTERSIGN_WAITERS", "1000"))
DECISIONS = 100
LOOKS = 200
#: As many come in a second. What a web process has no room for it answers with 503, and they come again.
ARRIVALS = 50
SETTLED = 10.0


def run() -> dict[str, Any]:
    """Memory in kB of the web process, times in ms."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    factories.make_policy("Mail", action="send_email", recall_seconds=0, requirements={"reviewers": 1})
    alice, dave = (User.objects.create(username=name) for name in ("alice", "dave"))
    alice.groups.add(Group.objects.get(name="reviewers"))
    agent = tokens.create(dave, scope=Scope.REQUEST, actor=dave)[1]
    reviewer = tokens.create(alice, scope=Scope.DECIDE, actor=alice)[1]
    with daphne.serving(COUNTERSIGN_API_RATE="1000000") as address:
        return asyncio.run(_measure(address, agent, reviewer))


async def _measure(address: str, agent: str, reviewer: str) -> dict[str, Any]:
    async with _client(address, agent) as asking, _client(address, reviewer) as deciding:
        tickets = [await _ask(asking) for _ in range(WAITERS)]
        await _looks(asking, tickets)  # warm
        alone, before = await _looks(asking, tickets), _memory(address)
        busy: list[int] = []
        waiting = {}
        for ticket in tickets:
            waiting[ticket["id"]] = asyncio.create_task(_wait(asking, ticket["id"], busy))
            await asyncio.sleep(1 / ARRIVALS)
        await asyncio.sleep(SETTLED)
        arrived = len(_sockets(address))
        during, beside = _memory(address), await _looks(asking, tickets)
        connections = await asyncio.to_thread(_connections)
        told = [
            await _told(deciding, ticket, waiting.pop(ticket["id"]))
            for ticket in tickets[-min(DECISIONS, WAITERS // 2) :]
        ]
        still = sum(not task.done() for task in waiting.values())
        for task in waiting.values():
            task.cancel()
    return {
        "waiters": WAITERS,
        "sockets_while_they_wait": arrived,
        "answered_busy_and_asked_again": len(busy),
        "still_waiting_at_the_end": still,
        "memory_kb": {"alone": before, "beside_waiters": during},
        "memory_kb_per_waiter": round((during - before) / WAITERS, 1),
        "database_connections": connections,
        "request_ms": {"alone": stage.spread(alone), "beside_waiters": stage.spread(beside)},
        "request_ratio_p50": round(stage.spread(beside)["p50"] / stage.spread(alone)["p50"], 2),
        "decided_to_told_ms": stage.spread(told),
    }


def _client(address: str, token: str) -> httpx.AsyncClient:
    headers, limits = {"Authorization": f"Bearer {token}"}, httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=f"{address}/api/v1/", headers=headers, limits=limits, timeout=120)


async def _ask(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post("tickets", json={"action": "send_email", "args": {"to": "bob"}})
    assert answer.status_code == 201, answer.text
    ticket: dict[str, Any] = answer.json()
    return ticket


async def _looks(client: httpx.AsyncClient, tickets: Sequence[dict[str, Any]]) -> list[float]:
    """Requests that do not wait, one after the other: seconds each."""
    found = []
    for ticket in tickets[:LOOKS]:
        began = time.perf_counter()
        answer = await client.get(f"tickets/{ticket['id']}")
        found.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
    return found


async def _wait(client: httpx.AsyncClient, ticket_id: int, busy: list[int]) -> float:
    """When its agent was told."""
    while True:
        answer = await client.get(f"tickets/{ticket_id}", params={"wait": 60})
        if answer.status_code == 503:
            busy.append(ticket_id)
            await asyncio.sleep(1)
            continue
        assert answer.status_code == 200, answer.text
        if answer.json()["state"] != "pending":
            return time.perf_counter()


async def _told(client: httpx.AsyncClient, ticket: dict[str, Any], waiter: asyncio.Task[float]) -> float:
    """From the answer to the reviewer to the answer to the agent, in seconds; 0 where the agent was told first."""
    said = {"type": "approve", "digest": ticket["digest"]}
    answer = await client.post(f"tickets/{ticket['id']}/decisions", json=said)
    decided = time.perf_counter()
    assert answer.status_code == 200, answer.text
    return max(0.0, await waiter - decided)


def _sockets(address: str) -> list[Any]:
    """Those of the web process that somebody is connected to."""
    port = urlsplit(address).port
    found = psutil.net_connections("tcp")
    return [one for one in found if one.laddr.port == port and one.pid and one.status == psutil.CONN_ESTABLISHED]


def _memory(address: str) -> int:
    port = urlsplit(address).port
    [pid] = {
        one.pid for one in psutil.net_connections("tcp") if one.laddr.port == port and one.status == psutil.CONN_LISTEN
    }
    return int(psutil.Process(pid).memory_info().rss) // 1024


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        count = int(cursor.fetchone()[0])
    connection.close()
    return count - 1  # without this one
