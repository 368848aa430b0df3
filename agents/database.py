"""The Django ORM from a coroutine."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from channels.db import database_sync_to_async

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that uses the ORM, and give its connection back afterwards.

    Not thread-sensitive: one slow query must not hold up the other runs of this worker.
    """
    return cast(T, await database_sync_to_async(function, thread_sensitive=False)(*args, **kwargs))
