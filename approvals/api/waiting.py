"""Long polls: a request that waits holds neither a thread nor a database connection.

Where what was asked for may still get better within the time that was asked for, the view draws nothing and answers
`Later`: whoever serves it lets the request's thread and connection go, waits for what the hub hears of, and asks the
view again, which checks the token and the rights again too. When the time is over the view draws what it sees. A
server that cannot wait never says that a request arrived, and is answered at once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from django.http import HttpRequest, HttpResponse

from approvals.live import hub

MOST_SECONDS = 60
#: Who waits this long or longer is answered up to a tenth sooner, so that those who came together do not come back so.
SPREAD_FROM = 10
#: Where a request keeps since when and until when it waits, and what its server had heard of before it looked.
_SINCE, _UNTIL, _MOMENT = "_waits_since", "_waits_until", "_waits_moment"


class Later(HttpResponse):
    """No answer yet."""

    def __init__(self, *, request: HttpRequest, streams: Collection[str], at_most: float) -> None:
        """`streams` tell when to look again; after `at_most` seconds one looks whatever was heard."""
        super().__init__()
        self.until: float = request.__dict__[_UNTIL]
        self.moment: int = request.__dict__[_MOMENT]
        self.streams, self.at_most = streams, at_most

    def listening(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """What was heard since the look that ended in this."""
        return hub.current().listening(self.streams, since=self.moment)

    async def wait(self, news: asyncio.Event) -> bool:
        """Until something was heard, or the time is over; was it heard?"""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(self.until - time.monotonic(), self.at_most)):
                await news.wait()
        is_called = news.is_set()
        news.clear()
        return is_called


def wants_to_wait(request: HttpRequest) -> bool:
    """Then it may as well stand in line for its look, and leave room for those that are in a hurry."""
    return "wait" in request.GET


@asynccontextmanager
async def turn(request: HttpRequest, *, is_called: bool = False) -> AsyncIterator[None]:
    """The request's turn to look, among those that want to wait; sooner where it was told of something."""
    waiters = hub.current().waiters
    request.__dict__.setdefault(_SINCE, time.monotonic())
    async with waiters.call if is_called else waiters.turn:
        request.__dict__[_MOMENT] = waiters.moment
        yield


def has_time(request: HttpRequest, *, seconds: int) -> bool:
    """May this request go on waiting? Standing in line counts."""
    if _MOMENT not in request.__dict__:
        return False
    until: float = request.__dict__.setdefault(_UNTIL, request.__dict__[_SINCE] + _spread(seconds))
    return time.monotonic() < until


def is_looking_again(request: HttpRequest) -> bool:
    """Is this the same request, come back after waiting?"""
    return _UNTIL in request.__dict__


def _spread(seconds: int) -> float:
    return seconds * (random.uniform(0.9, 1.0) if seconds >= SPREAD_FROM else 1.0)  # noqa: S311 - no secret
