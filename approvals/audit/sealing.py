"""The sealer: committed entries get their places in the tree, and its head is signed.

Any number of workers may try; an advisory lock lets one in. Which entries are still without a place is asked of
the table of places itself, from the horizon on: every transaction below it had ended when the last seal was made,
so whatever it wrote has one. A number of an entry says nothing of the order of commits, and a long transaction
holds up nobody else's entries. A database that was restored from a dump counts its transactions anew, so there
the first round looks through everything.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from approvals import failpoints
from approvals.audit import blocks, keys, notes, tree
from approvals.failpoints import Point
from approvals.models import Seal

PERIOD_SECONDS = 2.0
#: As many entries under one seal, at most: damage is narrowed down to those.
MOST = 1_000
#: As many in one transaction.
BATCH = 20_000

_TURN = "SELECT pg_try_advisory_xact_lock(hashtextextended('countersign/seals', 0))"
_NOW = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, system_identifier::text, clock_timestamp()
FROM pg_control_system()
"""
_WAITING = """
SELECT entry.id, entry.hash FROM approvals_auditentry AS entry
WHERE {since} NOT EXISTS (SELECT FROM approvals_leaf AS leaf WHERE leaf.entry_id = entry.id)
ORDER BY entry.id LIMIT %s
"""
_SINCE = "entry.xid >= (%s::text)::xid8 AND"
_PLACE = """
INSERT INTO approvals_leaf (number, entry_id, hash)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])
"""
_LAG = """
SELECT clock_timestamp() - min(entry.at) FROM approvals_auditentry AS entry
WHERE {since} NOT EXISTS (SELECT FROM approvals_leaf AS leaf WHERE leaf.entry_id = entry.id)
"""
_COUNT = """
SELECT count(*) FROM (
    SELECT FROM approvals_auditentry AS entry
    WHERE {since} NOT EXISTS (SELECT FROM approvals_leaf AS leaf WHERE leaf.entry_id = entry.id) LIMIT %s
) AS found
"""

Waiting = tuple[int, bytes]

CHANGED = "the seal over {size} entries was changed in the database, see verify_audit"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Up to which transaction everything has its place, and in which cluster that number counts."""

    horizon: int = 0
    cluster: str = ""


def seal() -> int:
    """Seal all that is committed; how many entries. 0 also where another process is at it.

    Raises OSError or BadNote where there is no key to sign with; then nothing is changed.
    """
    sealed = 0
    while True:
        with transaction.atomic():
            batch = _seal_batch() if _is_our_turn() else 0
        sealed += batch
        if batch < BATCH:
            return sealed


def lag() -> timedelta:
    """How long the oldest entry without a seal has waited."""
    since = _since(Seal.objects.last(), _now()[0])
    with connection.cursor() as cursor:
        cursor.execute(_LAG.format(since=_SINCE if since else ""), since)
        waited: timedelta | None = cursor.fetchone()[0]
    return max(waited or timedelta(), timedelta())


def waiting(*, most: int) -> int:
    """How many entries have no seal yet; counted so far and no further."""
    since = _since(Seal.objects.last(), _now()[0])
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(since=_SINCE if since else ""), [*since, most])
        return int(cursor.fetchone()[0])


def settled() -> int:
    """The number of a transaction: what those before it wrote has its place, or should have. 0 where nobody knows."""
    since = _since(Seal.objects.defer("at").last(), _now()[0])  # whoever asks looks for a time that cannot be
    return int(since[0]) if since else 0


def _is_our_turn() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_TURN)
        return bool(cursor.fetchone()[0])


def _seal_batch() -> int:
    last = Seal.objects.last()
    reach, now = _now()  # before the entries are read: whoever is still writing is above this horizon
    waiting = _waiting(_since(last, reach))
    if not waiting:
        return 0
    if len(waiting) == BATCH:  # more are waiting: the horizon stays where it was
        reach = _reach(last)
    _place(waiting, at=last.size if last else 0)
    Seal.objects.bulk_create(_seals(waiting, last=last, reach=reach, now=now))
    blocks.keep((last.size if last else 0) + len(waiting))
    failpoints.reach(Point.SEAL_WRITTEN)
    return len(waiting)


def _seals(waiting: Sequence[Waiting], *, last: Seal | None, reach: Reach, now: datetime) -> Iterator[Seal]:
    """One over at most so many new entries each; only the last of them may move the horizon."""
    key = keys.private()
    edge, origin = _grown_from(last) if last else (tree.Edge(), f"{notes.NAME}/{secrets.token_hex(8)}")
    for start in range(0, len(waiting), MOST):
        for _, entry_hash in waiting[start : start + MOST]:
            edge.append(entry_hash)
        is_last = start + MOST >= len(waiting)
        yield _signed(edge, origin=origin, key=key, now=now, reach=reach if is_last else _reach(last))


def _grown_from(last: Seal) -> tuple[tree.Edge, str]:
    """The tree as it stands, and its name. Raises BadNote where the last seal says otherwise."""
    head = notes.read(last.note)
    try:
        edge = tree.edge(last.size, bytes(last.edge))
    except ValueError as error:
        raise notes.BadNote(CHANGED.format(size=last.size)) from error
    if (head.size, head.root) != (edge.size, edge.root()):
        raise notes.BadNote(CHANGED.format(size=last.size))
    return edge, head.origin


def _signed(edge: tree.Edge, *, origin: str, key: Ed25519PrivateKey, now: datetime, reach: Reach) -> Seal:
    head = notes.Head(origin=origin, size=edge.size, root=edge.root(), time=now.astimezone(UTC).isoformat())
    return Seal(
        size=head.size,
        root=head.root,
        note=notes.signed(head, key),
        at=now,
        edge=edge.kept(),
        horizon=reach.horizon,
        cluster=reach.cluster,
    )


def _reach(last: Seal | None) -> Reach:
    return Reach(horizon=last.horizon, cluster=last.cluster) if last else Reach()


def _since(last: Seal | None, here: Reach) -> list[str]:
    """From which transaction on to look; empty for all of them. A horizon that is still to come is nobody's."""
    is_known = last and last.cluster == here.cluster and last.horizon <= here.horizon
    return [str(last.horizon)] if last and is_known else []


def _now() -> tuple[Reach, datetime]:
    with connection.cursor() as cursor:
        cursor.execute(_NOW)
        horizon, cluster, now = cursor.fetchone()
    return Reach(horizon=horizon, cluster=cluster), now


def _waiting(since: list[str]) -> list[Waiting]:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING.format(since=_SINCE if since else ""), [*since, BATCH])
        return [(entry_id, bytes(entry_hash)) for entry_id, entry_hash in cursor.fetchall()]


def _place(waiting: Sequence[Waiting], *, at: int) -> None:
    ids, hashes = [entry_id for entry_id, _ in waiting], [entry_hash for _, entry_hash in waiting]
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, [list(range(at, at + len(waiting))), ids, hashes])
