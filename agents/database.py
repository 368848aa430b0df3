"""The Django ORM from a coroutine, and how it looks when the database goes away."""

from __future__ import annotations

import select
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, cast

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from psycopg import BaseConnection
from psycopg import InterfaceError as DriverInterfaceError
from psycopg import OperationalError as DriverError
from psycopg_pool import PoolTimeout

from agents import fence
from approvals.errors import Frozen

P = ParamSpec("P")
T = TypeVar("T")

#: A pool gives up after this long, and the next who asks it tries anew.
RECONNECT_SECONDS = 4.0
#: The driver takes for an outage whatever it has no name for, and so what our own triggers say: see `refusal`.
AWAY = (OperationalError, InterfaceError, DriverError, DriverInterfaceError, PoolTimeout)
REFUSALS = (fence.REFUSED, Frozen.sqlstate)

# Threads of our own: the loop's default ones also run the graphs' tools, and a few tools that hang would
# keep every heartbeat and every deadline of the worker waiting.
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="database")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that uses the ORM, and give its connection back afterwards.

    Not thread-sensitive: one slow query must not hold up the other runs of this worker.
    """
    call = database_sync_to_async(function, thread_sensitive=False, executor=_threads)
    return cast(T, await call(*args, **kwargs))


def waited_for(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`in_thread` for code that cannot await: a tool that is called without an event loop, or inside of one."""

    def call() -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return _threads.submit(call).result()


def is_away(error: BaseException | None) -> bool:
    """Did the database go away, here or under whatever was raised because of it?"""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, AWAY):
            return not refusal(error)
        error, seen = error.__cause__, seen + 1
    return False


def refusal(error: BaseException) -> str:
    """The SQLSTATE with which one of our own triggers refused a write; empty for any other error."""
    state = str(getattr(error.__cause__, "sqlstate", None) or getattr(error, "sqlstate", None) or "")
    return state if state in REFUSALS else ""


def has_ended(connection: BaseConnection[Any]) -> bool:
    """Has the server ended an idle connection meanwhile? Then it has said so: nothing is asked of it."""
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    return bool(heard.poll(0))


def unhurried() -> None:
    """The transaction under way need not wait for the disk when it commits.

    Only for what means nothing until something else is committed: commits reach the disk in order, so the
    next one that waits brings this one along.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
