"""One database with a web process, people signed in to it, and what a cell does there."""

from __future__ import annotations

import contextlib
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from tests.daphne import free_port
from tests.faults import history
from tests.faults.hands import PATIENCE_SECONDS, Hand, until
from tests.faults.history import History
from tests.faults.stage import PASSWORD, Server, Stage

SIGNERS = ("alice", "bob")
#: The connections on which workers are told of jobs.
LISTENING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND query ILIKE 'listen%%' AND query ILIKE '%%procrastinate%%'"
)
#: What a person is told whose word is not taken; anything else that is no success leaves it open.
REFUSED = {400, 403, 404, 409, 422}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A run that waits for people."""

    thread: str
    ticket: int
    digest: str


@dataclass(kw_only=True)
class Lane:
    """A database of its own on one of the servers."""

    stage: Stage
    server: Server
    name: str
    history: History = field(default_factory=History)
    threads: list[str] = field(default_factory=list)
    figures: dict[str, list[float]] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    #: A host of another server or of a proxy, for the processes that are started from now on.
    host: str = ""
    hands: list[Hand] = field(default_factory=list)
    web: Hand | None = None
    browsers: dict[str, httpx.Client] = field(default_factory=dict)
    _connection: psycopg.Connection[dict[str, Any]] | None = field(default=None, repr=False)

    def furnish(self) -> Lane:
        """The database, the web process, and everybody's session."""
        self.server.copy_database(self.name)
        self.data_dir.mkdir()
        self.serve()
        for person in SIGNERS:
            self.browsers[person] = self._signed_in(person)
        return self

    @property
    def data_dir(self) -> Path:
        """Keys, and the signed head that the database must know."""
        return self.stage.home / self.name

    def close(self) -> None:
        """End whatever runs here."""
        for browser in self.browsers.values():
            browser.close()
        if self._connection:
            self._connection.close()
        for hand in self.hands:
            hand.kill()

    # Processes.

    def start(self, *words: str, orders: str = "", then: str = "", name: str = "", **environment: str) -> Hand:
        """One of the product's commands as a process; `then` is armed from the effect on."""
        place = self.server.place(self.name)
        number = len(self.hands) + 1
        hand = self.stage.nursery.start(
            [words],
            name=f"{self.name}-{name or words[0]}-{number}",
            database={**place, "HOST": self.host or place["HOST"]},
            data_dir=self.data_dir,
            orders=orders,
            FAULTS_THEN=then,
            **environment,
        )
        self.hands.append(hand)
        return hand

    def worker(self, orders: str = "", *, then: str = "") -> Hand:
        """A worker; it begins within a moment, which only who measures or shakes needs to wait for."""
        return self.start("worker", orders=orders, then=then)

    def listening_worker(self, orders: str = "", *, then: str = "") -> Hand:
        """A worker that is told of new jobs from now on."""
        before = {row["pid"] for row in self.rows(LISTENING)}
        worker = self.worker(orders, then=then)
        until(
            lambda: {row["pid"] for row in self.rows(LISTENING)} - before, seconds=40, what=f"{worker.name} listening"
        )
        return worker

    def serve(self, orders: str = "", *, seconds: float = 40, **environment: str) -> Hand:
        """The web process, always on the lane's port."""
        where = ["-v", "0", "-b", "127.0.0.1", "-p", str(self.port), "hitl_site.asgi:application"]
        web = self.start("daphne", *where, orders=orders, name="web", **environment)
        until(lambda: self._is_ready() or not web.is_alive, seconds=seconds, what=f"the start of {web.name}")
        assert web.is_alive, web.said()
        self.web = web
        return web

    # What agents and people do.

    def ask(self, mode: str = "ok", *, orders: str = "") -> Asked:
        """Dave has an agent ask for a payment; its run, paused."""
        thread = self.begin(mode, orders=orders)
        return self.asked(thread)

    def begin(self, mode: str = "ok", *, orders: str = "") -> str:
        """As `ask`, without looking at what became of it."""
        thread = f"run-{uuid.uuid4()}"
        self.threads.append(thread)
        args = json.dumps({"amount": 5, "to": "bob", "mode": mode})
        words = ("run_agent", "faults", "--message", args, "--requester", "dave", "--thread-id", thread)
        self.start(*words, orders=orders).until_ended(seconds=40)
        return thread

    def asked(self, thread: str) -> Asked:
        """The run's one open ticket."""
        ticket = self.ticket(thread)
        return Asked(thread=thread, ticket=ticket["id"], digest=ticket["digest"])

    def decide(self, person: str, asked: Asked, type: str = "approve", **fields: str) -> int:
        """Post one word as this person would; the status, 0 where there was no answer."""
        op = self.history.invoke(person, type, ticket=asked.ticket)
        browser = self.browsers[person]
        form = {"type": type, "digest": asked.digest, "csrfmiddlewaretoken": browser.cookies["countersign_csrf"]}
        try:
            answer = browser.post(f"/tickets/{asked.ticket}/decisions/", data={**form, **fields})
        except httpx.TransportError as error:
            self.history.close(op, "info", type_of(error))
            return 0
        status = answer.status_code
        kind = "ok" if status in {200, 302, 303} else "fail" if status in REFUSED else "info"
        self.history.close(op, kind, str(status))
        return status

    def approve(self, asked: Asked) -> None:
        """Both sign; when the second has been told so is noted for the figures."""
        for person in SIGNERS:
            status = self.decide(person, asked)
            assert status in {302, 303}, f"{person} was answered {status}"

    # What is seen.

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the lane's database, past every proxy."""
        try:
            cursor = self._connected().execute(query, values)
        except psycopg.OperationalError:
            if self._connection is None or not self._connection.closed:
                raise
            cursor = self._connected().execute(query, values)  # the server was restarted meanwhile
        return cursor.fetchall() if cursor.description else []

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        if self._connection is None or self._connection.closed:
            address = self.server.address(self.name)
            self._connection = psycopg.connect(address, autocommit=True, row_factory=dict_row)
        return self._connection

    def disconnect(self) -> None:
        """Leave the database; whoever asks next comes back."""
        if self._connection:
            self._connection.close()

    def ticket(self, thread: str) -> dict[str, Any]:
        """The run's newest ticket for its payment."""
        query = "SELECT * FROM approvals_ticket WHERE thread_id = %s AND action = 'pay' ORDER BY id DESC LIMIT 1"
        return self.rows(query, thread)[0]

    def run(self, thread: str) -> dict[str, Any]:
        """The run's row."""
        return self.rows("SELECT * FROM agents_run WHERE thread_id = %s", thread)[0]

    def effects(self, thread: str) -> list[dict[str, Any]]:
        """What the run's tool has really done."""
        return [effect for effect in history.read_effects(self.stage.effects) if effect["thread"] == thread]

    def until_run(self, thread: str, *states: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until the run stands in one of these states."""

        def there() -> dict[str, Any] | None:
            run = self.run(thread)
            return run if run["status"] in states else None

        found: dict[str, Any] = until(there, seconds=seconds, what=f"{thread} {'/'.join(states)}")
        return found

    def until_execution(self, thread: str, *states: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until it is known of the payment what is to be known."""

        def there() -> dict[str, Any] | None:
            ticket = self.ticket(thread)
            return ticket if ticket["execution"] in states else None

        found: dict[str, Any] = until(there, seconds=seconds, what=f"{thread} {'/'.join(states)}")
        return found

    def until_rows(self, query: str, *values: Any, seconds: float = PATIENCE_SECONDS) -> list[dict[str, Any]]:
        """Wait until a query finds something."""
        found: list[dict[str, Any]] = until(lambda: self.rows(query, *values), seconds=seconds, what=query)
        return found

    def until_state(self, ticket: int, state: str) -> None:
        """Wait until the ticket is in this state."""
        self.until_rows("SELECT 1 FROM approvals_ticket WHERE id = %s AND state = %s", ticket, state)

    def note(self, figure: str, seconds: float) -> None:
        """A measured time."""
        self.figures.setdefault(figure, []).append(seconds)

    def reached(self, hand: Hand) -> float:
        """When a process came to its failpoint."""
        return float((self.stage.home / f"{hand.name}.reached").read_text().split()[-1])

    def broken_promises(self) -> list[str]:
        """What the checker has to say about everything that was asked here."""
        facts = history.gather(self.server.address(self.name), self.threads, self.stage.effects)
        return history.check(self.history, facts)

    def tidy_up(self) -> None:
        """End what a cell has left, so that it does not happen in the next one."""
        for hand in self.hands:
            if hand is not self.web or not hand.is_alive:
                hand.kill()
        if self.web is None or not self.web.is_alive:
            self.serve()
        self.rows("DELETE FROM procrastinate_jobs")
        self.rows("SET session_replication_role = replica")  # this is not in the record
        self.rows(
            "UPDATE approvals_ticket SET state = 'cancelled', outcome = 'cancelled', resolved_at = now() "
            "WHERE state = 'pending'"
        )
        self.rows("RESET session_replication_role")
        self.rows("UPDATE agents_run SET status = 'cancelled', lease_token = lease_token + 1, lease_expires_at = NULL")
        until(self.answers, seconds=40, what="an answer of the web process")

    def page(self, number: int = 0) -> int:
        """What Alice's browser is told when it opens the inbox."""
        return self.browsers["alice"].get("/").status_code

    def answers(self) -> bool:
        """Do pages come again? A pool may hold more than one connection that is no good any more."""
        with contextlib.suppress(httpx.TransportError):
            return all(self.page() == 200 for _ in range(3))
        return False

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        return False

    def _signed_in(self, person: str) -> httpx.Client:
        browser = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20)
        browser.get("/accounts/login/")
        form = {"login": person, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["countersign_csrf"]}
        browser.post("/accounts/login/", data=form)
        assert browser.get("/").status_code == 200, f"{person} is not signed in"
        return browser


def type_of(error: BaseException) -> str:
    """The name of an error, for the history."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()


def now() -> float:
    """The clock that effects and failpoints are noted with."""
    return time.time()
