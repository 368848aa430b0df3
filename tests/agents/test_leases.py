"""One worker per thread, by the database's clock, with a token that only grows."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from agents import leases
from agents.errors import LeaseHeld, LeaseLost
from agents.models import Run
from tests.statements import counted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(transactional_db):
    return Run.objects.create(thread_id="t", graph="operations")


def expire():
    Run.objects.update(lease_expires_at="2020-01-01T00:00Z")


def flushes():
    """How often this connection has waited for the disk."""
    if connection.pg_version < 180_000:
        pytest.skip("Postgres counts the flushes of a connection from version 18 on")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute("SELECT sum(fsyncs) FROM pg_stat_get_backend_io(pg_backend_pid()) WHERE object = 'wal'")
        return cursor.fetchone()[0]


def test_the_first_lease_is_given(run):
    assert leases.take("t", owner="one").token == 1


def test_a_second_lease_is_refused(run):
    leases.take("t", owner="one")
    assert leases.take("t", owner="two") is None


def test_an_expired_lease_goes_to_the_next_with_a_higher_token(run):
    leases.take("t", owner="one")
    expire()
    assert leases.take("t", owner="two").token == 2


def test_a_released_lease_is_free_at_once(run):
    leases.release(leases.take("t", owner="one"))
    assert leases.take("t", owner="two").token == 2


def test_taking_waits_for_the_disk_and_releasing_does_not(disk, run):
    before = flushes()
    lease = leases.take("t", owner="one")
    taken = flushes()
    leases.release(lease)
    assert (taken - before, flushes() - taken) == (1, 0)


def test_taking_and_releasing_are_one_statement_each(run):
    with counted() as statements:
        leases.release(leases.take("t", owner="one"))
    assert len(statements) == 2


def test_a_stale_token_neither_renews_nor_releases(run):
    old = leases.take("t", owner="one")
    expire()
    leases.take("t", owner="two")
    leases.release(old)
    assert not leases.renew(old)
    assert leases.take("t", owner="three") is None


def test_an_expired_lease_cannot_be_renewed_by_its_owner(run):
    lease = leases.take("t", owner="one")
    expire()
    assert not leases.renew(lease)


def test_of_eight_workers_one_gets_the_thread(run):
    def take(n):
        try:
            return leases.take("t", owner=str(n))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(take, range(8)))
    assert [lease.token for lease in given if lease] == [1]


def test_a_block_holds_the_lease_and_lets_it_go(run):
    async def block():
        async with leases.held("t") as lease:
            with pytest.raises(LeaseHeld):
                async with leases.held("t"):
                    pass
            return lease.token

    assert asyncio.run(block()) == 1
    assert leases.take("t", owner="next").token == 2


def test_work_stops_when_the_lease_is_lost(run, monkeypatch):
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.01)

    async def block():
        async with leases.held("t"):
            await leases.in_thread(expire)
            await asyncio.sleep(30)

    with pytest.raises(LeaseLost):
        asyncio.run(block())


def test_a_heartbeat_keeps_the_lease(run, monkeypatch):
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.01)

    async def block():
        async with leases.held("t"):
            expiry = Run.objects.values_list("lease_expires_at", flat=True)
            before = await leases.in_thread(expiry.all().get)
            while await leases.in_thread(expiry.all().get) == before:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(block(), 10))


def test_a_cancelled_block_stays_cancelled(run):
    async def block():
        async with leases.held("t"):
            asyncio.current_task().cancel()
            await asyncio.sleep(30)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(block())
    assert leases.take("t", owner="next").token == 2
