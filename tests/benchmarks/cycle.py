"""`cycle`: pause, ticket, approve, resume, done, against bare LangGraph on the same saver in the same run.

One client. *bare*: the graph `operations` invoked to its pause and resumed, nothing else. *in_process*: the
same through the runner and `decisions.record`, no queue. *http*: the decision is a form posted to Daphne and
a worker process resumes. Flushes are counted by Postgres itself (fsyncs of the log).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.db import connection
from langgraph.types import Command

from agents import checkpoints, registry, runner
from agents.models import Run
from approvals import decisions
from approvals.contract import NewDecision
from approvals.models import Ticket
from tests import daphne

CYCLES = 30
ROUNDS = 3
PASSWORD = "correct horse battery staple"
TASK = {"messages": [{"role": "user", "content": "order 1 widget"}]}


def run() -> dict[str, Any]:
    """Alternate the ways, median of the rounds; each rate in cycles per second."""
    checkpoints.setup_sync()
    alice = User.objects.create_user("alice", password=PASSWORD)
    alice.groups.add(Group.objects.get_or_create(name="reviewers")[0])
    worker = subprocess.Popen([sys.executable, str(daphne.ROOT / "manage.py"), "worker"], env={**os.environ})
    try:
        with daphne.serving() as address:
            return asyncio.run(_measure(address, alice, worker))
    finally:
        worker.send_signal(signal.SIGCONT)
        worker.terminate()
        worker.wait(15)


async def _measure(address: str, alice: User, worker: subprocess.Popen[bytes]) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=address, follow_redirects=False, timeout=30) as browser:
        await _sign_in(browser)
        ways: dict[str, Callable[[], Awaitable[float]]] = {
            "bare": _bare,
            "in_process": lambda: _in_process(alice),
            "http": lambda: _http(browser),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        flushes: dict[str, float] = {}
        resumes: list[float] = []
        for name, way in ways.items():
            await _let_work(worker, name == "http")
            await way()  # warm
        for _ in range(ROUNDS):
            for name, way in ways.items():
                await _let_work(worker, name == "http")
                begun = time.perf_counter()
                waits = [await way() for _ in range(CYCLES)]
                rates[name].append(CYCLES / (time.perf_counter() - begun))
                resumes += waits if name == "http" else []
        for name, way in ways.items():
            await _let_work(worker, name == "http")
            before = await _flushes()
            for _ in range(CYCLES):
                await way()
            flushes[name] = round((await _flushes() - before) / CYCLES, 1)
    await checkpoints.close()
    rate = {name: sorted(values)[len(values) // 2] for name, values in rates.items()}
    return {
        "cycles_per_second": {name: round(value, 1) for name, value in rate.items()},
        "G1_in_process_to_bare": round(rate["in_process"] / rate["bare"], 2),
        "G1_http_to_bare": round(rate["http"] / rate["bare"], 2),
        "flushes_per_cycle": flushes,
        "G9_flushes_of_ours": round(flushes["in_process"] - flushes["bare"], 1),
        "decided_to_done_ms_p50": round(sorted(resumes)[len(resumes) // 2] * 1000, 1),
    }


async def _let_work(worker: subprocess.Popen[bytes], working: bool) -> None:
    """Only the way that needs the worker has one; what the others left in the queue is not its load."""
    await sync_to_async(_forget_jobs)()
    worker.send_signal(signal.SIGCONT if working else signal.SIGSTOP)


def _forget_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")


async def _bare() -> float:
    thread = {"configurable": {"thread_id": str(uuid.uuid4()), "model": "scripted"}}
    graph = await registry.load("operations", checkpointer=await checkpoints.saver(), model="scripted")
    await graph.ainvoke(TASK, thread, durability="sync")
    state = await graph.aget_state(thread)
    answer = {state.interrupts[0].id: {"type": "approve"}}
    await graph.ainvoke(Command(resume=answer), thread, durability="sync")
    return 0.0


async def _in_process(alice: User) -> float:
    ticket = await _paused()
    decision = NewDecision(type="approve", digest=ticket.digest)
    await sync_to_async(decisions.record)(ticket.pk, reviewer=alice, decision=decision)
    await runner.resume(ticket.thread_id, ticket.pk)
    await _until_done(ticket.thread_id)
    return 0.0


async def _http(browser: httpx.AsyncClient) -> float:
    ticket = await _paused()
    form = {"type": "approve", "digest": ticket.digest, "csrfmiddlewaretoken": browser.cookies["countersign_csrf"]}
    answer = await browser.post(f"/tickets/{ticket.pk}/decisions/", data=form)
    assert answer.status_code < 400, answer.text
    decided = time.perf_counter()
    await _until_done(ticket.thread_id)
    return time.perf_counter() - decided


async def _paused() -> Ticket:
    thread = str(uuid.uuid4())
    await runner.start(graph="operations", input=TASK, thread_id=thread, requester_id=None)
    return await Ticket.objects.aget(thread_id=thread)


async def _until_done(thread: str) -> None:
    while True:
        status = await Run.objects.values_list("status", flat=True).aget(thread_id=thread)
        if status == "succeeded":
            return
        if status == "failed":
            raise RuntimeError(f"run {thread} failed")
        await asyncio.sleep(0.001)


async def _sign_in(browser: httpx.AsyncClient) -> None:
    await browser.get("/accounts/login/")
    form = {"login": "alice", "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["countersign_csrf"]}
    await browser.post("/accounts/login/", data=form)
    assert (await browser.get("/")).status_code == 200


async def _flushes() -> int:
    """Fsyncs of the write-ahead log so far. Idle servers report theirs only after ten seconds."""
    await asyncio.sleep(11)
    return await sync_to_async(_count_flushes)()


def _count_flushes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal'")
        return int(cursor.fetchone()[0])
