"""Is this still the database that we knew? One that was restored, failed over or replaced may have forgotten
what was already done, and would have it done again: then everything is frozen until an operator clears it.

What knows better than the database lies outside it: the newest signed head, in the data folder of each
machine. And the database itself remembers the cluster and timeline that wrote it last.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction

from approvals import freezes
from approvals.audit import heads
from approvals.audit.notes import BadNote, Head
from approvals.models import Cluster, Freeze

FORGOTTEN = (
    "The database does not know the signed record of {size} entries that is kept in {path}: it was restored from "
    "a backup, rolled back or replaced, and may have forgotten what was done since."
)
MOVED = (
    "The database runs on another Postgres, or on another timeline of it, than the one it was written on last: it "
    "was failed over, restored or moved, and may have forgotten what was done last."
)

#: Tells one life of a server, and one database on it, from the next: the same means that nothing was put in its place.
LIFE = """
(SELECT pg_postmaster_start_time()::text || '/' || oid::text FROM pg_database WHERE datname = current_database())
"""
_WHERE = f"""
SELECT system_identifier::text, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), {LIFE} FROM pg_control_system()
"""  # noqa: S608 - both are ours
_life = ""


@dataclass(frozen=True, kw_only=True)
class Here:
    """Who runs the database that answers."""

    identifier: str
    timeline: str
    life: str


def look() -> bool:
    """Freeze everything if the database may have forgotten something; True when it did so now."""
    global _life
    here = _here()
    lost = _lost_head()
    with transaction.atomic():
        moved = _note(here)  # even where a head is lost too: once cleared, nobody is asked for the other
        frozen = _freeze_for(lost) if lost else moved and freezes.freeze(MOVED)
    _life = here.life
    return frozen


def looked_at() -> str:
    """The life of the database in which this process last looked; empty where it never has."""
    return _life


def look_again(*, at_first: bool = False) -> bool:
    """Look, where the database or its life is not the one this process has looked at; True if it did.

    `at_first`: also where it has looked at none.
    """
    if not (_life or at_first) or _here().life == _life:
        return False
    look()
    return True


def _here() -> Here:
    with connection.cursor() as cursor:
        cursor.execute(_WHERE)
        identifier, timeline, life = cursor.fetchone()
    return Here(identifier=identifier, timeline=timeline, life=life)


def _lost_head() -> Head | None:
    try:
        lost = heads.ahead()
    except (BadNote, OSError):
        return None  # the sealer complains of it
    if lost and Freeze.objects.accepted(size=lost.size, root=lost.root).exists():
        heads.set_aside()
        return None
    return lost


def _freeze_for(lost: Head) -> bool:
    reason = FORGOTTEN.format(size=lost.size, path=heads.path())
    return freezes.freeze(reason, head_size=lost.size, head_root=lost.root)


def _note(here: Here) -> bool:
    """Remember where the database is; True where it was elsewhere before."""
    known = Cluster.objects.first()
    if known and (known.identifier, known.timeline) == (here.identifier, here.timeline):
        return False
    facts = {"identifier": here.identifier, "timeline": here.timeline}
    Cluster.objects.update_or_create(pk=1, defaults=facts)
    return known is not None
