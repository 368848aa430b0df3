"""The server dies for good and its standby takes its address: with nothing lost, and with its last commits lost."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from tests.faults import outcomes, restores, wires
from tests.faults.cells import cell
from tests.faults.hands import until
from tests.faults.lanes import Lane
from tests.faults.proxy import Wire
from tests.faults.stage import Server

SYNCHRONOUS = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
FOLLOWED = "SELECT 1 FROM pg_stat_replication"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A server and the standby that follows it; the lane's processes know the address that leads to one of them."""

    lane: Lane
    primary: Server
    standby: Server
    address: Wire

    def set(self, server: Server, setting: str) -> None:
        """Change a setting of one of them while it runs."""
        with psycopg.connect(server.address("postgres"), autocommit=True) as operator:
            operator.execute(f"ALTER SYSTEM SET {setting}")
            operator.execute("SELECT pg_reload_conf()")

    def cut(self) -> None:
        """From here on the standby knows what it has heard up to now, and nothing that comes."""
        known = self.lane.rows("SELECT pg_current_wal_flush_lsn() AS lsn")[0]["lsn"]
        with psycopg.connect(self.standby.address("postgres"), autocommit=True) as there:
            caught_up = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            until(lambda: there.execute(caught_up, [known]).fetchone() == (True,), seconds=20, what="the standby")
        self.set(self.standby, "primary_conninfo = ''")
        until(lambda: not self.lane.rows(FOLLOWED), seconds=20, what="the cut")

    def fail_over(self) -> None:
        """The server is gone from one moment to the next; the standby is promoted and gets the address."""
        self.primary.end(signal.SIGKILL)
        with psycopg.connect(self.standby.address("postgres"), autocommit=True) as operator:
            assert operator.execute("SELECT pg_promote()").fetchone() == (True,)
        self.lane.disconnect()
        self.lane.server = self.standby
        self.address.behind = self.standby.folder
        until(self.lane.answers, seconds=20, what="an answer after the failover")


@contextlib.contextmanager
def paired(lane: Lane) -> Iterator[Pair]:
    """The lane with a standby. Afterwards it has its own server again, which knows nothing of what happened here."""
    home, primary = lane.stage.home / f"{lane.name}-standby", lane.server
    home.mkdir(exist_ok=True)
    primary.copy_files(home / "postgres", "-R")
    standby = Server(home)
    try:
        with wires.web_on_a_wire(lane) as address:
            try:
                yield Pair(lane=lane, primary=primary, standby=standby, address=address)
                assert not (broken := lane.broken_promises()), broken
            finally:
                _come_home(lane, primary)
    finally:
        standby.stop()


def _come_home(lane: Lane, primary: Server) -> None:
    for hand in lane.hands:
        hand.kill()
    lane.disconnect()
    lane.server = primary
    lane.threads.clear()
    for head in lane.data_dir.glob("head*"):
        head.unlink()
    primary.start()
    with psycopg.connect(primary.address("postgres"), autocommit=True) as operator:
        operator.execute("ALTER SYSTEM RESET synchronous_standby_names")  # it would wait for one for ever
        operator.execute("SELECT pg_reload_conf()")


@cell("m6–m7", "failover to a synchronous standby while a tool runs", shakes=True)
def nothing_lost(lane: Lane) -> None:
    """Whatever was acknowledged is there, and what was begun ends once; all the same somebody has to look first."""
    with paired(lane) as pair:
        pair.set(pair.primary, "synchronous_standby_names = '*'")
        lane.until_rows(SYNCHRONOUS)
        asked, other = lane.ask("slow"), lane.ask()
        worker = lane.listening_worker()
        lane.approve(asked)
        until(lambda: lane.effects(asked.thread), seconds=40, what="the effect")
        assert lane.decide("alice", other) == 302
        with_votes = "SELECT count(*) FROM approvals_decision WHERE ticket_id = ANY(%s)"
        pair.fail_over()
        assert lane.rows(with_votes, [asked.ticket, other.ticket]) == [{"count": 3}]
        lane.until_rows(restores.FROZEN)
        assert "on another timeline" in lane.browsers["alice"].get("/").text
        assert lane.decide("bob", other) == 302
        lane.until_rows(restores.TRIED, other.ticket)
        outcomes.nothing(lane, other)
        restores.unfreeze(lane)
        outcomes.once(lane, other)
        lane.until_execution(asked.thread, "succeeded", "unknown")
        assert len(lane.effects(asked.thread)) == 1
        assert worker.is_alive, worker.said()


@cell("m6–m8", "failover to a standby that has not heard of what was done", shakes=True)
def tail_lost(lane: Lane) -> None:
    """Released and not claimed, says the standby, and the job is in its queue; it was done long ago."""
    with paired(lane) as pair:
        worker, paid, waiting = restores.half_way(lane)
        pair.cut()
        restores.carried_out(lane, worker, paid)
        pair.fail_over()
        restores.check_frozen(lane, paid, waiting)
        assert worker.is_alive, worker.said()
        restores.cleared(lane, paid, waiting)
