"""Requests that wait until something happens in a stream of audit entries. Lives in the hub's event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection
from itertools import islice

#: Whoever looked before as many pieces of news as these looks again, whatever they were about.
REMEMBERED = 256
#: As many look at the database at a time, out of the ten connections that all requests of a web process share.
LOOKS = 4
#: Beside them so many of those that were told of something: they do not stand behind a thousand whose time is over.
CALLS = 2


class Waiters:
    """Who listens to which stream, and what has been heard of lately."""

    def __init__(self) -> None:
        self._listening: dict[str, set[asyncio.Event]] = {}
        self._past: deque[frozenset[str]] = deque(maxlen=REMEMBERED)
        #: Counts the pieces of news: what is noted before a look tells what was heard since.
        self.moment = 0
        #: Those who come and those whose time is over look in one line, those who were told of something in another.
        self.turn, self.call = asyncio.Semaphore(LOOKS), asyncio.Semaphore(CALLS)

    def __bool__(self) -> bool:
        """Does anybody listen?"""
        return bool(self._listening)

    def add(self, streams: Collection[str], news: asyncio.Event) -> None:
        """From now on set this event whenever one of the streams is touched."""
        for stream in streams:
            self._listening.setdefault(stream, set()).add(news)

    def drop(self, streams: Collection[str], news: asyncio.Event) -> None:
        """Forget this event."""
        for stream in streams:
            listening = self._listening.get(stream, set())
            listening.discard(news)
            if not listening:
                self._listening.pop(stream, None)

    def begin(self) -> None:
        """Nothing was heard until now: whoever looked before this looks again."""
        self._past.clear()
        self.moment += 1

    def heard(self, streams: Collection[str], *, since: int) -> bool:
        """May something have happened in these streams since that moment?"""
        pieces = self.moment - since
        return pieces > len(self._past) or any(
            not past.isdisjoint(streams) for past in islice(reversed(self._past), pieces)
        )

    def touch(self, streams: Collection[str]) -> None:
        """Something happened in these streams."""
        self._past.append(frozenset(streams))
        self.moment += 1
        for stream in streams:
            for news in self._listening.get(stream, ()):
                news.set()
