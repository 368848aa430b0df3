"""The database's clock, without asking it: what a page says of deadlines is by the same clock as what is decided.

A server's own clock may be wrong or jump. What only ever grows is no clock that anybody sets: each new connection
says what time it is there, and from then on it is counted by that. Decisions ask the database itself.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.utils import timezone

#: Goes on while a laptop sleeps, where the system has such a one.
_GROWING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_known: tuple[datetime, float] | None = None


def set_by(moment: datetime) -> None:
    """It was this moment in the database just now."""
    global _known
    _known = (moment, time.clock_gettime(_GROWING))


def now() -> datetime:
    """What the database's clock says, as far as is known; before the first connection, what ours does."""
    if _known is None:
        return timezone.now()
    moment, at = _known
    return moment + timedelta(seconds=time.clock_gettime(_GROWING) - at)
