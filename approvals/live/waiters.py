"""Requests that wait until something happens in a stream of audit entries. Lives in the hub's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection


class Waiters:
    """Who listens to which stream."""

    def __init__(self) -> None:
        self._listening: dict[str, set[asyncio.Event]] = {}

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

    def touch(self, streams: Collection[str]) -> None:
        """Something happened in these streams."""
        for stream in streams:
            for news in self._listening.get(stream, ()):
                news.set()
