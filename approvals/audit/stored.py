"""The record as the database holds it, in the order in which it is inspected and exported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from approvals.audit.findings import Entry, Report
from approvals.audit.inspection import Inspection
from approvals.audit.notes import Head, PublicKey
from approvals.models import AuditEntry, Leaf, Seal

#: As many places in one statement.
PART = 5_000

_COLUMNS = """
    entry.id, entry.stream, entry.seq, entry.prev, entry.hash, entry.body, entry.type, entry.actor_name, entry.at,
    entry.ticket_id, payload.salt, payload.body
"""
_PLACED = f"""
SELECT leaf.number, leaf.hash, {_COLUMNS} FROM approvals_leaf AS leaf
LEFT JOIN approvals_auditentry AS entry ON entry.id = leaf.entry_id
LEFT JOIN approvals_payload AS payload ON payload.entry_id = entry.id
WHERE leaf.number >= %s AND leaf.number < %s ORDER BY leaf.number
"""  # noqa: S608 - columns of our own
_UNPLACED = f"""
SELECT NULL::bigint, NULL::bytea, {_COLUMNS} FROM approvals_auditentry AS entry
LEFT JOIN approvals_payload AS payload ON payload.entry_id = entry.id
WHERE entry.id > %s AND NOT EXISTS (SELECT FROM approvals_leaf AS leaf WHERE leaf.entry_id = entry.id)
ORDER BY entry.id LIMIT {PART}
"""  # noqa: S608 - columns of our own

#: No body begins like this.
_NEVER = b"\x00"

_OF_STREAM = f"""
SELECT leaf.number, leaf.hash, {_COLUMNS} FROM approvals_auditentry AS entry
LEFT JOIN approvals_leaf AS leaf ON leaf.entry_id = entry.id
LEFT JOIN approvals_payload AS payload ON payload.entry_id = entry.id
WHERE entry.stream = %s AND entry.seq > %s ORDER BY entry.seq LIMIT {PART}
"""  # noqa: S608 - columns of our own


class Row(NamedTuple):
    """One line of the record: an entry, a place without its entry, or a seal."""

    entry: Entry | None = None
    entry_id: int | None = None
    hole: int | None = None
    placed: bytes = b""
    seal: str = ""
    size: int = 0

    @property
    def place(self) -> int:
        """Its place in the tree."""
        leaf = self.entry.leaf if self.entry else self.hole
        return leaf or 0


def inspect(*, keys: list[PublicKey], head: Head | None = None, step: Callable[[], None] = lambda: None) -> Report:
    """Look through all of it, as it stood at one moment. `step` is called for each line."""
    inspection = Inspection(keys=keys, head=head)
    with at_one_moment():
        for row in rows():
            step()
            if row.entry:
                inspection.entry(row.entry)
            elif row.hole is not None:
                inspection.hole(row.hole, row.placed)
            else:
                inspection.seal(row.seal, size=row.size)
    return inspection.report()


def total() -> int:
    """About how many lines there are."""
    return AuditEntry.objects.count() + Seal.objects.count()


@contextmanager
def at_one_moment() -> Iterator[None]:
    """A transaction that sees nothing of what others commit meanwhile."""
    is_ours = not connection.in_atomic_block
    with transaction.atomic():
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def rows(*, after: int = 0) -> Iterator[Row]:
    """The record from place `after` on."""
    yield from _with_seals(_placed(after), after=after)
    yield from _unplaced()


def rows_of(stream: str) -> Iterator[Row]:
    """One stream, from its beginning."""
    last = 0
    while found := _fetched(_OF_STREAM, [stream, last]):
        yield from map(_row, found)
        last = found[-1][4]


def _with_seals(placed: Iterator[Row], *, after: int) -> Iterator[Row]:
    seals = Seal.objects.filter(size__gte=after).order_by("size").values_list("size", "note").iterator()
    following = next(seals, None)
    for row in placed:
        while following and following[0] <= row.place:
            yield Row(seal=following[1], size=following[0])
            following = next(seals, None)
        yield row
    while following:
        yield Row(seal=following[1], size=following[0])
        following = next(seals, None)


def _placed(after: int) -> Iterator[Row]:
    last = Leaf.objects.order_by("-number").values_list("number", flat=True).first()
    for start in range(after, -1 if last is None else last + 1, PART):
        yield from map(_row, _fetched(_PLACED, [start, start + PART]))


def _unplaced() -> Iterator[Row]:
    last = 0
    while found := _fetched(_UNPLACED, [last]):
        yield from map(_row, found)
        last = found[-1][2]


def _fetched(sql: str, values: list[Any]) -> list[Any]:
    """Rows as the driver brings them, in binary: bytes need no decoding."""
    with connection.cursor() as cursor, cursor.connection.cursor(binary=True) as driver:
        return list(driver.execute(sql, values).fetchall())


def _row(found: tuple[Any, ...]) -> Row:
    leaf, placed, entry_id, stream, seq, prev, entry_hash, body, type_, actor, at, ticket, salt, payload = found
    if entry_id is None:
        return Row(hole=leaf, placed=bytes(placed))
    entry = Entry(
        leaf=leaf,
        stream=stream,
        seq=seq,
        prev=bytes(prev),
        hash=bytes(entry_hash),
        body=bytes(body),
        salt=None if salt is None else bytes(salt),
        payload=None if payload is None else bytes(payload),
        placed=b"" if placed is None else bytes(placed),
        begins=_beginning(actor, at) if ticket is None or stream == f"ticket/{ticket}" else _NEVER,
        ends=f'"type":"{type_}","v":'.encode() + body[-2:],
    )
    return Row(entry=entry, entry_id=entry_id)


def _beginning(actor: str, at: datetime) -> bytes:
    """How a body begins: its keys are sorted."""
    who = json.dumps(actor, ensure_ascii=False) if actor else "null"
    return f'{{"actor":{who},"at":"{at.astimezone(UTC).isoformat()}",'.encode()
