"""The worker waits for a database that is away, ever longer, and in the end makes way for another process."""

from __future__ import annotations

import asyncio

import pytest
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app
from psycopg_pool import AsyncConnectionPool

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
