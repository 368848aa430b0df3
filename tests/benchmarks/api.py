"""`api`: tickets opened and decided per second over HTTP, beside the bare cost of the same rows in Postgres.

One web process. The floor writes every row version that one request wrote, into tables with the same columns and
indexes and without constraints, triggers or reading, one transaction each, over as many connections as there are
clients. Both sides take turns in the same run.
"""

from __future__ import annotations

import os
import re
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import psycopg
from django.contrib.auth.models import Group, User
from django.db import connection
from psycopg import sql

from approvals import tokens
from approvals.states import Scope
from tests import daphne, factories

CLIENTS = (1, 8)
ROUNDS = 3
EACH = 120

Rows = list[tuple[sql.Composed, list[Any]]]
#: Does it once, for the client of this number.
Act = Callable[[int], None]

_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(approvals|procrastinate)_'"
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = %s"


def run() -> dict[str, Any]:
    """Both sides with one client and with eight; medians of the rounds, in tickets a second."""
    with daphne.serving(COUNTERSIGN_API_RATE="1000000") as address:
        api = Api(address)
        api.warm_up()
        floors = {"open": _floor(api.open), "decide": _floor(api.decide)}
        return {
            "unit": "tickets per second, one web process",
            "tickets_per_round": EACH,
            "rows_per_request": {name: len(rows) for name, rows in floors.items()},
            "clients": {str(clients): _side_by_side(api, floors, clients) for clients in CLIENTS},
        }


class Api:
    """An agent that asks and a reviewer who decides, over as many connections as there are clients."""

    def __init__(self, address: str) -> None:
        factories.make_policy("Mail", action="send_email", recall_seconds=0, requirements={"reviewers": 1})
        alice, dave = (User.objects.create(username=name) for name in ("alice", "dave"))
        alice.groups.add(Group.objects.get(name="reviewers"))
        self._agents = self._connections(address, tokens.create(dave, scope=Scope.REQUEST, actor=dave)[1])
        self._reviewers = self._connections(address, tokens.create(alice, scope=Scope.DECIDE, actor=alice)[1])
        self.waiting: list[dict[str, Any]] = []

    def _connections(self, address: str, token: str) -> list[httpx.Client]:
        headers = {"Authorization": f"Bearer {token}"}
        return [httpx.Client(base_url=f"{address}/api/v1/", headers=headers, timeout=60) for _ in range(max(CLIENTS))]

    def open(self, client: int = 0) -> None:
        """Ask."""
        body = {"action": "send_email", "args": {"to": "bob", "subject": "Figures", "body": "Attached. " * 20}}
        answer = self._agents[client].post("tickets", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
        assert answer.status_code == 201, answer.text
        self.waiting.append(answer.json())

    def decide(self, client: int = 0) -> None:
        """Approve what was asked for."""
        ticket = self.waiting.pop()
        said = {"type": "approve", "digest": ticket["digest"]}
        answer = self._reviewers[client].post(f"tickets/{ticket['id']}/decisions", json=said)
        assert answer.status_code == 200 and answer.json()["state"] == "approved", answer.text

    def warm_up(self) -> None:
        """Connections, caches, plans."""
        for act in (self.open, self.decide):
            for n in range(16):
                act(n % max(CLIENTS))


def _side_by_side(api: Api, floors: dict[str, Rows], clients: int) -> dict[str, Any]:
    wires = [psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) for _ in range(clients)]
    ways: dict[str, Act] = {"open": api.open, "decide": api.decide}
    ways |= {f"{name}_floor": _writing(rows, wires) for name, rows in floors.items()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name in ("open", "open_floor", "decide", "decide_floor"):
            rates[name].append(_rate(ways[name], clients))
    for wire in wires:
        wire.close()
    median = {name: round(statistics.median(found), 1) for name, found in rates.items()}
    ratios = {f"{name}_to_floor": round(median[name] / median[f"{name}_floor"], 3) for name in floors}
    return median | ratios


def _rate(act: Act, clients: int) -> float:
    """How often a second, with so many at once."""
    threads = [threading.Thread(target=lambda n=n: [act(n) for _ in range(EACH // clients)]) for n in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (EACH // clients) * clients / (time.perf_counter() - began)


def _writing(rows: Rows, wires: Sequence[psycopg.Connection[Any]]) -> Act:
    def write(client: int) -> None:
        with wires[client].transaction(), wires[client].cursor() as cursor:
            for statement, values in rows:
                cursor.execute(statement, values, prepare=True)

    return write


def _floor(act: Act) -> Rows:
    """What the request wrote, as statements that write it again elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS floor")
        cursor.execute("SELECT txid_current()")
        before = cursor.fetchone()[0]
        act(0)
        cursor.execute(_TABLES)
        tables = [name for (name,) in cursor.fetchall()]
        return [row for table in tables for row in _written(cursor, table, before)]


def _written(cursor: Any, table: str, before: int) -> Rows:
    cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                   "AND NOT attisdropped AND attgenerated = ''", [table])  # fmt: skip
    names = [name for (name,) in cursor.fetchall()]
    texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names)
    query = sql.SQL("SELECT {} FROM {} WHERE xmin::text::bigint > %s")
    cursor.execute(query.format(texts, sql.Identifier(table)), [before])
    found = cursor.fetchall()
    if found:
        _copy_shape(cursor, table)
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    marks = sql.SQL(", ").join([sql.Placeholder()] * len(names))
    statement = sql.SQL("INSERT INTO floor.{} ({}) VALUES ({})").format(sql.Identifier(table), columns, marks)
    return [(statement, list(row)) for row in found]


def _copy_shape(cursor: Any, table: str) -> None:
    """The same columns and indexes; the same row may stand there many times."""
    made = sql.SQL("CREATE TABLE IF NOT EXISTS floor.{0} (LIKE public.{0} INCLUDING DEFAULTS)")
    cursor.execute(made.format(sql.Identifier(table)))
    cursor.execute(_INDEXES, [table])
    for (definition,) in cursor.fetchall():
        cursor.execute(re.sub(r"^CREATE (UNIQUE )?INDEX \S+ ON public\.", "CREATE INDEX ON floor.", definition))
