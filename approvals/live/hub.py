"""The hub of a web process: one LISTEN connection, any number of sockets.

It follows the audit entries that any process commits, has each rendered once, and hands the text
straight to the sockets of those who may see it. There is no channel layer: Postgres is the bus.
A lost notify only delays, because the hub looks for newer entries itself every two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection, connections

from approvals.live import bus, fragments, sessions
from approvals.live.waiters import Waiters
from approvals.models import AuditEntry

POLL_SECONDS = 2.0
BEAT_SECONDS = 20.0
SESSION_SECONDS = 10.0
QUEUE_SIZE = 64
SIGNED_OUT = 4401
#: Come again. Daphne's library sends only 1000 and codes from 3000 on.
AWAY = 4503

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Member:
    """One socket as the hub sees it: whose it is, and a short queue of what it still has to send."""

    def __init__(self, *, user_id: int, session_key: str) -> None:
        self.user_id = user_id
        self.session_key = session_key
        #: A text to send, or the code to close with.
        self.queue: asyncio.Queue[str | int] = asyncio.Queue(QUEUE_SIZE)

    def put(self, message: str | int) -> None:
        """Queue it; whoever cannot keep up is told to load the page again instead."""
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(str(fragments.RELOAD))
        self.queue.put_nowait(message)


class Hub:
    """Follows the audit entries and tells its members; lives in one event loop."""

    def __init__(self) -> None:
        #: Whose sockets are open here; every event finds its readers by user.
        self.members: dict[int, set[Member]] = {}
        self.waiters = Waiters()
        self.last = 0
        self._seen: set[int] = set()
        self._hears = False
        self._pending: set[int] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._door = asyncio.Lock()
        self._thread: ThreadPoolExecutor | None = None

    async def join(self, member: Member) -> None:
        """From now on the member hears of everything newer than the beat it gets first."""
        async with self._door:
            await self._start()
            self.members.setdefault(member.user_id, set()).add(member)
            member.put(fragments.beat(self.last))

    async def leave(self, member: Member) -> None:
        """Forget the member; the last one stops the hub."""
        theirs = self.members.get(member.user_id, set())
        theirs.discard(member)
        if not theirs:
            self.members.pop(member.user_id, None)
        await self._close()

    @asynccontextmanager
    async def listening(self, streams: Collection[str], *, since: int) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever an entry of one of these streams is heard of, from a moment of the waiters on.

        Where nobody listened at that moment it is set at once.
        """
        news = asyncio.Event()
        try:
            async with self._door:
                await self._start()
                self.waiters.add(streams, news)
                if self.waiters.heard(streams, since=since):
                    news.set()
            yield news
        finally:
            self.waiters.drop(streams, news)
            await self._close()

    async def _close(self) -> None:
        """Nobody listens any more: stop."""
        async with self._door:
            if not self.members and not self.waiters and self._tasks:
                await self._stop()

    def _sockets_of(self, users: Collection[int]) -> list[Member]:
        return [member for user_id in users for member in self.members.get(user_id, ())]

    async def _start(self) -> None:
        if self._tasks:
            return
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live")
        self.last = await self._in_thread(fragments.latest)
        self._seen = set(await self._in_thread(partial(_recent, self.last)))
        self.last = max(self._seen, default=0)
        self.waiters.begin()
        loops = (self._listen, self._dispatch, self._beat, self._watch_sessions)
        self._tasks = [asyncio.create_task(_for_ever(loop), name=f"live-{loop.__name__}") for loop in loops]

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._in_thread(connections.close_all)
        if self._thread:
            self._thread.shutdown(wait=False)
        self._pending.clear()

    async def _listen(self) -> None:
        """Collect the ids that other processes announce, on a connection of its own."""
        params = listen_params()
        async with await psycopg.AsyncConnection.connect(**params, autocommit=True) as listener:
            await listener.execute(f"LISTEN {bus.CHANNEL}")
            self._hears = True
            self._wake.set()  # whatever was committed before the LISTEN is found by a look
            try:
                async for notice in listener.notifies():
                    self._pending.update(bus.ids_in(notice.payload))
                    self._wake.set()
            finally:
                self._hears = False
        raise ConnectionError("the LISTEN connection ended")

    async def _dispatch(self) -> None:
        """Tell the members of what was announced and, every two seconds, of what was not."""
        loop = asyncio.get_running_loop()
        look_at = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(max(look_at, loop.time() + 0.001)):
                    await self._wake.wait()
            self._wake.clear()
            try:
                if loop.time() >= look_at or not self._pending:
                    self._pending.update(await self._in_thread(partial(_recent, self.last)))
                    look_at = loop.time() + POLL_SECONDS
                await self._tell(self._pending - self._seen)
            except Exception:
                self._send_away_if_deaf()
                raise

    def _send_away_if_deaf(self) -> None:
        """Nothing announced and nothing found: no page here may call itself live. They come again by themselves."""
        if not self._hears:
            for member in self._sockets_of(self.members):
                member.put(AWAY)

    async def _tell(self, ids: Collection[int]) -> None:
        """Render once, hand to everyone; nobody joins meanwhile and falls between two beats."""
        async with self._door:
            if ids:
                here = frozenset(self.members)
                batch = await self._in_thread(partial(fragments.batch, ids, connected=here, last=self.last))
                for push in batch.pushes:
                    for member in self._sockets_of(push.users):
                        member.put(push.html)
                self.waiters.touch(batch.streams)
                self.last = batch.seq
                self._seen.update(batch.ids)
            self._pending.difference_update(ids, self._seen)
            self._seen = {seen for seen in self._seen if seen > self.last - fragments.LOOK_BACK}

    async def _beat(self) -> None:
        """The sign of life by which a page knows that it is live."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            text = fragments.beat(self.last)
            for member in self._sockets_of(self.members):
                member.put(text)

    async def _watch_sessions(self) -> None:
        """Close the sockets of people who signed out or were switched off."""
        while True:
            await asyncio.sleep(SESSION_SECONDS)
            keys = {(member.session_key, member.user_id) for member in self._sockets_of(self.members)}
            ended = await self._in_thread(partial(sessions.ended, keys))
            for member in self._sockets_of(self.members):
                if (member.session_key, member.user_id) in ended:
                    member.put(SIGNED_OUT)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Run in the hub's own thread, whose database connection is dropped when anything fails."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _guarded, call)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def current() -> Hub:
    """The hub of the running event loop; a web process has one loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


def open_sockets() -> int:
    """How many sockets this process serves."""
    return sum(len(sockets) for hub in list(_hubs.values()) for sockets in list(hub.members.values()))


def listen_params() -> dict[str, Any]:
    """How to reach the database, without what only Django's own connections understand."""
    params = connection.get_connection_params()
    ours = ("context", "cursor_factory", "prepare_threshold", "autocommit")
    return {name: value for name, value in params.items() if name not in ours}


async def _for_ever(step: Callable[[], Awaitable[None]]) -> None:
    """Keep one loop of the hub alive; every failure waits longer, at most ten seconds, with jitter."""
    failures = 0
    while True:
        began = time.monotonic()
        try:
            await step()
        except Exception:
            failures = failures + 1 if time.monotonic() - began < 60 else 1
            # What is away stays away for a while, and one traceback tells as much as a hundred.
            logger.warning("live_%s_failed, the %d. time", step.__name__, failures, exc_info=failures == 1)
        await asyncio.sleep(min(10.0, 0.25 * 2**failures) * random.uniform(0.5, 1.0))  # noqa: S311  no secret


def _recent(last: int) -> list[int]:
    """The ids that are newer than `last`, and those a little older that may have come late."""
    ids = AuditEntry.objects.filter(id__gt=last - fragments.LOOK_BACK).order_by("id")
    return list(ids.values_list("id", flat=True))


def _guarded(call: Callable[[], T]) -> T:
    try:
        return call()
    except Exception:
        connection.close()
        raise
