"""The worker waits for a database that is away, ever longer, and in the end makes way for another process; and its
jobs defer others in their own transaction."""

from __future__ import annotations

import asyncio
import gc

import pytest
from django.db import transaction
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from psycopg_pool import AsyncConnectionPool

from agents import connectors, jobs
from agents.database import in_thread
from agents.errors import GaveUp
from agents.management.commands import worker


@pytest.fixture
def impatient(monkeypatch):
    """As the real one, within a second."""
    for name, seconds in {"POLL_SECONDS": 0.02, "LONGEST_DELAY_SECONDS": 0.1, "GIVE_UP_SECONDS": 0.5}.items():
        monkeypatch.setattr(worker, name, seconds)


async def work_without_a_database():
    connector = PsycopgConnector()
    pool = AsyncConnectionPool("host=/nonexistent", open=False, timeout=0.05, reconnect_timeout=0.05)
    await pool.open(wait=False)
    with app.replace_connector(connector):
        await connector.open_async(pool)
        try:
            await worker._keep_working(concurrency=1)
        finally:
            await pool.close()


def test_it_begins_again_ever_more_slowly_and_then_gives_up(impatient, monkeypatch, caplog):
    with pytest.raises(GaveUp, match="The worker has failed for minutes, so this process ends for a new one"):
        asyncio.run(work_without_a_database())
    again = [record.args[0] for record in caplog.records if record.msg.startswith("The worker ended and begins again")]
    assert again[:4] == [0.02, 0.04, 0.08, 0.1]
    assert set(again[4:]) <= {0.1}


@pytest.fixture
def in_worker(transactional_db):
    """Run a coroutine as a worker does, with its connector; what asyncio hears of goes where the worker's does."""

    def in_worker(work):
        async def run():
            asyncio.get_running_loop().set_exception_handler(connectors.note_orphans)
            async with app.open_async():
                return await work()

        with app.replace_connector(connectors.WorkerConnector(kwargs=connector_params())):
            return asyncio.run(run())

    return in_worker


def defer_then(*, fails):
    """Defer a job in a transaction; how many another connection sees before its end."""

    async def work():
        def begin(seen):
            with transaction.atomic():
                jobs.enqueue("thread")
                seen.append(asyncio.run_coroutine_threadsafe(in_thread(waiting), loop).result())
                if fails:
                    raise LookupError
            return seen

        loop, seen = asyncio.get_running_loop(), []
        try:
            return await in_thread(begin, seen)
        except LookupError:
            return seen

    return work


def waiting():
    return ProcrastinateJob.objects.count()


@pytest.mark.parametrize(("fails", "left"), [(False, 1), (True, 0)])
def test_what_a_job_defers_is_seen_when_its_transaction_is_and_gone_when_that_is(in_worker, fails, left):
    assert in_worker(defer_then(fails=fails)) == [0]
    assert waiting() == left


async def finish_twice():
    """As a worker that was stopped, and wakes when another has done its job."""
    await in_thread(jobs.enqueue, "thread")
    manager = app.job_manager
    job = await manager.fetch_job(queues=None, worker_id=await manager.register_worker())
    await manager.finish_job(job, status=Status.SUCCEEDED, delete_job=True)
    await let_go(manager.finish_job(job, status=Status.SUCCEEDED, delete_job=True))


async def let_go(work):
    """Nobody asks what became of it."""
    task = asyncio.create_task(work)
    await asyncio.wait([task])
    del task, work
    gc.collect()


def test_a_job_that_another_worker_has_done_meanwhile_is_one_sentence(in_worker, caplog):
    in_worker(finish_twice)
    assert [(record.message, record.exc_info) for record in caplog.records] == [(connectors.GIVEN_AWAY, None)]


async def fail_otherwise():
    async def fail():
        raise ConnectorException("the database is away")

    await let_go(fail())


def test_any_other_failure_is_told_as_asyncio_tells_it(in_worker, caplog):
    in_worker(fail_otherwise)
    assert "never retrieved" in caplog.text
