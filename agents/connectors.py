"""How a worker reaches the queue: it listens and fetches on a pool of its own, and what its jobs defer goes with
the transaction of whoever defers it.

procrastinate's connector for workers knows only the pool. A job that is deferred there is seen at once: another slot
takes it before the ticket that it is about is committed, finds nothing to do, and the job is gone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from procrastinate import PsycopgConnector
from procrastinate.connector import BaseConnector
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import ConnectorException

logger = logging.getLogger(__name__)

#: What procrastinate's own function says of a job that is no longer this worker's.
GONE = "Job was not found or not in"
GIVEN_AWAY = "A job of this worker had been given to another meanwhile; nothing that this one did late was let in"


class WorkerConnector(PsycopgConnector):
    """The pool for the worker itself, Django's connection for what its jobs defer."""

    def get_sync_connector(self) -> BaseConnector:
        """What deferring by name goes through: the connection, and so the transaction, of the thread that defers."""
        return DjangoConnector()


def note_orphans(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A worker that was stopped and wakes finds its jobs given away: one sentence. All else as asyncio does it."""
    error = context.get("exception")
    if isinstance(error, ConnectorException) and GONE in str(error.__cause__):
        logger.warning(GIVEN_AWAY)
    else:
        loop.default_exception_handler(context)
