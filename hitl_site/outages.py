"""One outage, one traceback: while there is no database every request fails alike, and there may be a thousand."""

from __future__ import annotations

import logging
import time

#: Seconds in which what says the same is said once.
QUIET = 60.0


class SaidOnce(logging.Filter):
    """Of the answers with 503, one a minute is logged with its traceback and one without; any other always."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until: dict[bool, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Is it news?"""
        if getattr(record, "status_code", None) != 503:
            return True
        kind, now = bool(record.exc_info), time.monotonic()
        is_news = now >= self._quiet_until.get(kind, 0.0)
        if is_news:
            self._quiet_until[kind] = now + QUIET
        return is_news
