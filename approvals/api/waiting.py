"""Long polls: a request that waits holds neither a thread nor a database connection.

The view answers at once, with what it sees. Where that may still get better within the time that was asked for, the
answer is a `Later`: whoever serves it may let the request's thread and connection go, listen for what the hub hears,
and ask the view again, which checks the token and the rights again too. A server that cannot wait sends it as it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager, suppress

from django.http import HttpRequest, HttpResponse

from approvals.live import hub

MOST_SECONDS = 60
#: Where a request keeps until when it waits.
_UNTIL = "_waits_until"


class Later(HttpResponse):
    """An answer that may get better."""

    def __init__(self, content: str, *, request: HttpRequest, streams: Collection[str], at_most: float) -> None:
        """`streams` tell when to look again; after `at_most` seconds one looks whatever was heard."""
        super().__init__(content, content_type="application/json")
        self.until: float = request.__dict__[_UNTIL]
        self.streams, self.at_most = streams, at_most

    def listening(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """What is heard from now on; look once more after this, for what happened before."""
        return hub.current().listening(self.streams)

    async def may_be_better(self, news: asyncio.Event) -> bool:
        """Wait until something was heard; False when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(self.until - time.monotonic(), self.at_most)):
                await news.wait()
        news.clear()
        return time.monotonic() < self.until


def has_time(request: HttpRequest, *, seconds: int) -> bool:
    """May this request go on waiting? The clock starts with the first time it is asked."""
    until: float = request.__dict__.setdefault(_UNTIL, time.monotonic() + seconds)
    return time.monotonic() < until


def is_looking_again(request: HttpRequest) -> bool:
    """Is this the same request, come back after waiting?"""
    return _UNTIL in request.__dict__
