"""Is this still the database that we knew? One that was restored, failed over or replaced may have forgotten
what was already done, and would have it done again: then everything is frozen until an operator clears it.

What knows better than the database lies outside it: the newest signed head, in the data folder of each
machine. And the database itself remembers the cluster and timeline that wrote it last.
"""

from __future__ import annotations

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

_WHERE = """
SELECT system_identifier::text, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) FROM pg_control_system()
"""


def look() -> bool:
    """Freeze everything if the database may have forgotten something; True when it did so now."""
    return _look_for_head() or _look_for_cluster()


def _look_for_head() -> bool:
    try:
        lost = heads.ahead()
    except (BadNote, OSError):
        return False  # the sealer complains of it
    if lost is None:
        return False
    if Freeze.objects.accepted(size=lost.size, root=lost.root).exists():
        heads.set_aside()
        return False
    return _freeze_for(lost)


def _freeze_for(lost: Head) -> bool:
    reason = FORGOTTEN.format(size=lost.size, path=heads.path())
    return freezes.freeze(reason, head_size=lost.size, head_root=lost.root)


def _look_for_cluster() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WHERE)
        identifier, timeline = cursor.fetchone()
    known = Cluster.objects.first()
    if known and (known.identifier, known.timeline) == (identifier, timeline):
        return False
    with transaction.atomic():
        Cluster.objects.update_or_create(pk=1, defaults={"identifier": identifier, "timeline": timeline})
        return known is not None and freezes.freeze(MOVED)
