"""What a worker does every two seconds for the record: seal it, keep the head, and say loudly when it cannot."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from approvals.audit import heads, sealing
from approvals.audit.notes import BadNote

logger = logging.getLogger(__name__)

LATE = timedelta(seconds=60)
#: The same complaint again after so many seconds.
PAUSE_SECONDS = 60.0


class Sealer:
    """One round at a time; it remembers only what it complained of."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def round(self) -> None:
        """Seal what is committed, keep the newest head, and look how late it is."""
        try:
            sealing.seal()
            behind = heads.keep()
        except (OSError, BadNote) as error:
            self._complain("key", f"The record cannot be sealed, or its head not kept: {error}")
            return
        if behind:
            self._complain("behind", BEHIND.format(size=behind.size, path=heads.path()))
        if (lag := sealing.lag()) > LATE:
            self._complain(
                "late", f"The oldest entry of the record has waited {lag.total_seconds():.0f} s for its seal."
            )

    def _complain(self, about: str, words: str) -> None:
        now = time.monotonic()
        if now - self._told.get(about, -PAUSE_SECONDS) >= PAUSE_SECONDS:
            self._told[about] = now
            logger.error(words)


BEHIND = (
    "The database does not know the signed head over {size} entries that is kept in {path}: it was rolled back, "
    "restored from a backup, or replaced."
)
