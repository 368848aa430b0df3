"""The record as the database holds it, in the order in which it is inspected and exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from approvals.audit import blocks, bodies, sealing
from approvals.audit.findings import Entry, Kind, Report
from approvals.audit.inspection import Inspection
from approvals.audit.notes import Beside, Head, PublicKey
from approvals.audit.numbering import Numbering
from approvals.models import AuditEntry, Seal

#: Whoever reads a download may take so long for the lines of one statement.
SLOWEST_MS = 120_000
#: As many places in one statement.
PART = 5_000
#: Before any place and any number that a row can have: whoever hides something below zero is found, too.
_FIRST = -(2**63)
#: Postgres counts its microseconds from here. They are read raw: a time that no calendar holds is a finding, no error.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_COLUMNS = """
    entry.id, entry.stream, entry.seq, entry.prev, entry.hash, entry.body, entry.type, entry.actor_name,
    timestamptz_send(entry.at), entry.actor_id, entry.ticket_id, payload.salt, payload.body
"""
_PLACED = f"""
SELECT leaf.number, leaf.hash, false, {_COLUMNS} FROM approvals_leaf AS leaf
LEFT JOIN approvals_auditentry AS entry ON entry.id = leaf.entry_id
LEFT JOIN approvals_payload AS payload ON payload.entry_id = entry.id
WHERE leaf.number >= %s ORDER BY leaf.number LIMIT {PART}
"""  # noqa: S608 - columns of our own
_UNPLACED = f"""
SELECT NULL::bigint, NULL::bytea, entry.xid < (%s::text)::xid8, {_COLUMNS} FROM approvals_auditentry AS entry
LEFT JOIN approvals_payload AS payload ON payload.entry_id = entry.id
WHERE entry.id >= %s AND NOT EXISTS (SELECT FROM approvals_leaf AS leaf WHERE leaf.entry_id = entry.id)
ORDER BY entry.id LIMIT {PART}
"""  # noqa: S608 - columns of our own

#: No body begins like this.
_NEVER = b"\x00"
#: From this version on a body says whose account it was, whatever the name is by now.
_WITH_ACCOUNT = b"3"

_OF_STREAM = f"""
SELECT leaf.number, leaf.hash, false, {_COLUMNS} FROM approvals_auditentry AS entry
LEFT JOIN approvals_leaf AS leaf ON leaf.entry_id = entry.id
LEFT JOIN approvals_payload AS payload ON payload.entry_id = entry.id
WHERE entry.stream = %s AND entry.seq >= %s ORDER BY entry.seq LIMIT {PART}
"""  # noqa: S608 - columns of our own


class Row(NamedTuple):
    """One line of the record: an entry, a place without its entry, or a seal."""

    entry: Entry | None = None
    entry_id: int | None = None
    hole: int | None = None
    placed: bytes = b""
    #: Has no place, though all that is as old as it was given one.
    is_late: bool = False
    seal: str = ""
    size: int = 0
    beside: Beside | None = None

    @property
    def place(self) -> int:
        """Its place in the tree."""
        leaf = self.entry.leaf if self.entry else self.hole
        return leaf or 0


def inspect(*, keys: list[PublicKey], head: Head | None = None, step: Callable[[], None] = lambda: None) -> Report:
    """Look through all of it, as it stood at one moment. `step` is called for each line."""
    inspection = Inspection(keys=keys, head=head)
    with at_one_moment():
        roots, numbers = blocks.Comparison(), Numbering()
        for row in rows():
            step()
            if row.entry:
                inspection.entry(row.entry, is_late=row.is_late)
                roots.leaf(row.entry.leaf, row.entry.placed)
                numbers.entry(row.entry, row.entry_id)
            elif row.hole is not None:
                inspection.hole(row.hole, row.placed)
                roots.leaf(row.hole, row.placed)
            else:
                inspection.seal(row.seal, size=row.size, beside=row.beside)
                numbers.seal()
    for entry, says in numbers.wrong:
        inspection.say(Kind.MOVED, says, entry)
    for number in roots.wrong():
        inspection.block(number * blocks.SIZE, (number + 1) * blocks.SIZE - 1)
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
                cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = {SLOWEST_MS}")
        yield


def rows(*, after: int = 0) -> Iterator[Row]:
    """The record from place `after` on."""
    yield from _with_seals(_placed(after), after=after)
    yield from _unplaced()


def rows_of(stream: str) -> Iterator[Row]:
    """One stream, from its beginning."""
    yield from _parts(_OF_STREAM, [stream], first=_FIRST, column=5)


def _with_seals(placed: Iterator[Row], *, after: int) -> Iterator[Row]:
    seals = _seals(after)
    following = next(seals, None)
    for row in placed:
        while following and following.size <= row.place:
            yield following
            following = next(seals, None)
        yield row
    if following:
        yield following
        yield from seals


def _seals(after: int) -> Iterator[Row]:
    found = Seal.objects.filter(size__gte=after).order_by("size")
    told = found.values_list("size", "note", "root", "edge", Cast("at", TextField()))
    for size, note, root, edge, at in told.iterator():
        yield Row(seal=note, size=size, beside=Beside(root=bytes(root), edge=bytes(edge), at=at))


def _placed(after: int) -> Iterator[Row]:
    return _parts(_PLACED, [], first=after or _FIRST, column=0)


def _unplaced() -> Iterator[Row]:
    return _parts(_UNPLACED, [str(sealing.settled())], first=_FIRST, column=3)


def _parts(sql: str, values: list[Any], *, first: int, column: int) -> Iterator[Row]:
    """Row after row, so many at a time; each part begins behind the number in this column of the last row."""
    while found := _fetched(sql, [*values, first]):
        yield from map(_row, found)
        first = found[-1][column] + 1


def _fetched(sql: str, values: list[Any]) -> list[Any]:
    """Rows as the driver brings them, in binary: bytes need no decoding."""
    with connection.cursor() as cursor, cursor.connection.cursor(binary=True) as driver:
        return list(driver.execute(sql, values).fetchall())


def _row(found: tuple[Any, ...]) -> Row:
    leaf, placed, is_late, entry_id, stream, seq, prev, entry_hash, body, *shown, salt, payload = found
    if entry_id is None:
        return Row(hole=leaf, placed=bytes(placed))
    type_, *who, ticket = shown
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
        begins=_beginning(*who, version=bytes(body[-2:-1])) if _is_about(stream, ticket) else _NEVER,
        ends=f'"type":"{type_}","v":'.encode() + body[-2:],
    )
    return Row(entry=entry, entry_id=entry_id, is_late=is_late)


def _is_about(stream: str, ticket: int | None) -> bool:
    return stream == f"ticket/{ticket}" if ticket is not None else not stream.startswith("ticket/")


def _beginning(actor: str, at: bytes, actor_id: int | None, *, version: bytes) -> bytes:
    """How a body begins: its keys are sorted."""
    try:
        moment = _EPOCH + timedelta(microseconds=int.from_bytes(at, signed=True))
    except OverflowError:
        return _NEVER
    if (actor_id is None) == bool(actor):
        return _NEVER
    who = bodies.quoted(actor) if actor else "null"
    account = f'"actor_id":{actor_id or "null"},' if version >= _WITH_ACCOUNT else ""
    return f'{{"actor":{who},{account}"at":"{moment.isoformat()}",'.encode()
