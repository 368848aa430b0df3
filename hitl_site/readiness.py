"""What keeps the work from being done while this process can serve: said beside `ready`, and no reason to take it out.

A process that is taken out because something else is missing would leave nobody a page that says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError, connection

from agents import fence
from approvals import freezes
from approvals.audit import places, sealing
from approvals.audit.sealer import LATE
from hitl_site import vitals

NO_WORKER = "degraded: no worker was heard of lately, so nothing that is approved is carried out"
NO_FENCE = "degraded: the checkpointer has no tables, or no fence around them: run `manage.py setup_checkpoints`"
NO_HEADS = "degraded: the newest signed head is not at {count} of COUNTERSIGN_HEAD_PLACES: /admin/operations/ says why"
#: What follows the record reads it in the order in which the sealer numbers it.
WITHOUT_SEAL = "until it has one nobody is notified of what happens and no webhook is told"


def shortcomings() -> Iterator[str]:
    """A line for each; also for what cannot be told."""
    try:
        if freeze := freezes.standing():
            yield f"frozen: {freeze}"
        if not vitals.workers():
            yield NO_WORKER
        if not _is_fenced():
            yield NO_FENCE
        if (lag := sealing.lag()) > LATE:
            waited = f"{lag.total_seconds():.0f} s"
            yield f"degraded: the oldest entry of the record without a seal has waited {waited}, and {WITHOUT_SEAL}"
        if unreached := places.unreached():
            yield NO_HEADS.format(count=len(unreached))
    except DatabaseError as error:
        yield f"degraded: {' '.join(str(error).split())}"


def _is_fenced() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(fence.STANDS)
        return bool(cursor.fetchone()[0])
