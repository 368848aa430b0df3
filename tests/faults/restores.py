"""Databases that are older than what was done: restored from a backup, under living workers and before new ones."""

from __future__ import annotations

import contextlib
import signal

import psycopg

from tests.faults import outcomes
from tests.faults.cells import cell
from tests.faults.hands import Hand, until
from tests.faults.lanes import Asked, Lane

FROZEN = "SELECT reason FROM approvals_freeze WHERE cleared_at IS NULL"
UNSEALED = "SELECT 1 FROM approvals_auditentry e WHERE NOT EXISTS (SELECT FROM approvals_leaf WHERE entry_id = e.id)"
SIZE = "SELECT max(size) AS size FROM approvals_seal"
#: By then an idle worker has looked at every job there is.
TRIED = (
    "SELECT 1 FROM procrastinate_jobs WHERE task_name = 'agents.resume' AND (args->>'ticket_id')::int = %s "
    "AND attempts > 0"
)


@cell("—", "a backup of the files restored under a living worker", shakes=True)
def files(lane: Lane) -> None:
    """What the backup believes is still to be done was done since; nobody does it again."""
    worker, paid, waiting = half_way(lane)
    backup = lane.stage.home / f"{lane.name}-backup"
    lane.server.copy_files(backup)
    carried_out(lane, worker, paid)
    lane.server.end(signal.SIGINT)
    lane.server.replace_files(backup)
    lane.server.start()
    until(lane.answers, seconds=20, what="an answer after the restore")
    check_frozen(lane, paid, waiting)
    assert worker.is_alive, worker.said()
    cleared(lane, paid, waiting)


@cell("—", "a dump restored in the place of the database, before a worker starts")
def dump(lane: Lane) -> None:
    """The server is the same and has never stopped; the database in it is another one."""
    restored_dump(lane, is_living=False)


@cell("—", "a dump restored in the place of the database, under a living worker")
def dump_under_worker(lane: Lane) -> None:
    restored_dump(lane, is_living=True)


def restored_dump(lane: Lane, *, is_living: bool) -> None:
    worker, paid, waiting = half_way(lane)
    backup = lane.data_dir / "dump"
    lane.server.tool("pg_dump", "-Fc", "-f", str(backup), lane.name)
    carried_out(lane, worker, paid)
    if not is_living:
        worker.end()
    lane.disconnect()
    with psycopg.connect(lane.server.address("postgres"), autocommit=True) as operator:
        # Beside it, and then in its place: nobody finds one that is half there.
        operator.execute(f'CREATE DATABASE "{lane.name}-new" TEMPLATE template0')
        lane.server.tool("pg_restore", "-d", f"{lane.name}-new", str(backup))
        operator.execute(f'DROP DATABASE "{lane.name}" WITH (FORCE)')
        operator.execute(f'ALTER DATABASE "{lane.name}-new" RENAME TO "{lane.name}"')
    backup.unlink()
    until(lane.answers, seconds=20, what="an answer after the restore")
    if not is_living:
        lane.worker()
    check_frozen(lane, paid, waiting)
    cleared(lane, paid, waiting)


def half_way(lane: Lane) -> tuple[Hand, Asked, Asked]:
    """A worker that is not at it just now, a payment that is approved, and one that one person has signed."""
    worker = lane.listening_worker()
    paid, waiting = lane.ask(), lane.ask()
    worker.send(signal.SIGSTOP)
    worker.until_stopped()
    lane.approve(paid)
    assert lane.decide("alice", waiting) == 302
    return worker, paid, waiting


def carried_out(lane: Lane, worker: Hand, paid: Asked) -> None:
    """The payment is made, the record of it is sealed, and its head is kept outside of the database."""
    worker.send(signal.SIGCONT)
    outcomes.once(lane, paid)
    assert not lane.broken_promises()
    until(lambda: not lane.rows(UNSEALED) and _kept(lane) == lane.rows(SIZE)[0]["size"], seconds=20, what="the head")


def check_frozen(lane: Lane, paid: Asked, waiting: Asked) -> None:
    """Work is put before the worker and it does nothing; pages say why, and people go on deciding."""
    lane.until_rows(FROZEN)
    assert "was restored from a backup" in lane.browsers["alice"].get("/").text
    assert lane.decide("bob", waiting) == 302
    for asked in (paid, waiting):
        lane.until_rows(TRIED, asked.ticket)
    outcomes.nothing(lane, waiting)
    outcomes.nothing(lane, paid, effects=1)  # by this database's knowledge


def cleared(lane: Lane, paid: Asked, waiting: Asked) -> None:
    """The operator finds that the one was made, has it taken back, and lets the other go its way."""
    browser = lane.browsers["alice"]
    token = {"csrfmiddlewaretoken": browser.cookies["countersign_csrf"]}
    assert browser.post(f"/tickets/{paid.ticket}/recall/", data=token).status_code == 302
    assert lane.decide("alice", paid, "reject", message="It was paid before the restore.") == 302
    unfreeze(lane)
    outcomes.once(lane, waiting)
    lane.until_run(paid.thread, "succeeded", "rejected")
    assert len(lane.effects(paid.thread)) == 1, "it was paid again"
    lane.threads.remove(paid.thread)  # its signatures were in the database that is gone


def unfreeze(lane: Lane) -> None:
    """Let work go on, at the command line."""
    clearing = lane.start("unfreeze", "--reason", "The file of effects was looked at.")
    clearing.until_ended(seconds=40)
    assert clearing.code == 0, clearing.said()


def _kept(lane: Lane) -> int:
    with contextlib.suppress(FileNotFoundError):
        return int((lane.data_dir / "head").read_text().splitlines()[1])
    return 0
