"""The Postgres checkpointer: one pool per event loop, one saver object per run, strict serialisation.

One shared `AsyncPostgresSaver` answers one call at a time even over a pool (it holds a lock around its
connection), so every run gets its own object; they are cheap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde import _msgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncConnection, AsyncCursor, Connection
from psycopg import Error as DriverError
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from agents import fence
from agents.database import RECONNECT_SECONDS, has_ended
from agents.errors import BadAnswer, InsecureSerialiser, LeaseLost, NoFence, StateNotSerialisable
from agents.leases import TTL, Lease
from agents.models import Run, Wish
from approvals import failpoints
from approvals.failpoints import Point

CARRY = f"""
SELECT wish, set_config(%s, %s, true) FROM {Run._meta.db_table} WHERE thread_id = %s AND lease_token = %s
"""  # noqa: S608 - our table

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

#: Waiting longer for a connection means the database is gone; the job is retried then.
CONNECT_SECONDS = 10
POOL_SIZE = 16
#: A write that takes longer is a worker's that was stopped; the next one must not wait for it.
STOPPED_MS = int(TTL.total_seconds() * 500)

# A pool belongs to the event loop that opened it; tests and `run_agent` open loops of their own.
_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()


class Stopped(Exception):
    """Somebody cancelled the run; it stopped between two steps, with what it had done saved."""


class Saver(AsyncPostgresSaver):
    """A checkpointer under a lease. With each step it asks whether the run may go on.

    What it raises there stops the graph between two steps: no tool is cut off in the middle.
    """

    lease: Lease | None = None
    #: What somebody asked of the run, when it last wrote.
    wish = ""

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save the checkpoint, then raise Stopped if the run is to be cancelled. LeaseLost saves nothing."""
        failpoints.reach(Point.BEFORE_PUT)
        with self._naming(checkpoint["channel_values"].items()), self._refused():
            saved = await super().aput(config, checkpoint, metadata, new_versions)
        failpoints.reach(Point.AFTER_PUT)
        # A subgraph's step is inside one of the run's own: stopping there would lose what it did.
        if self.wish == Wish.CANCEL and not config["configurable"].get("checkpoint_ns"):
            raise Stopped
        return saved

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what a task wrote. Raises StateNotSerialisable, or LeaseLost and saves nothing."""
        failpoints.reach(Point.BEFORE_PUT_WRITES)
        with self._naming(writes), self._refused():
            await super().aput_writes(config, writes, task_id, task_path)
        failpoints.reach(Point.AFTER_PUT_WRITES)

    @contextmanager
    def _naming(self, values: Iterable[tuple[str, Any]]) -> Iterator[None]:
        """Say which value cannot be stored; LangGraph's own error names only its type."""
        try:
            yield
        except TypeError as error:
            key = next((key for key, value in values if not self._is_storable(value)), "")
            raise StateNotSerialisable(why=f"“{key}”: {error}.") from error

    def _is_storable(self, value: Any) -> bool:
        try:
            self.serde.dumps_typed(value)
        except TypeError:
            return False
        return True

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        """LangGraph's own; a pipeline is what it writes through, and such a transaction begins with the fence."""
        async with super()._cursor(pipeline=pipeline) as cursor:
            if not pipeline or self.lease is None:
                yield cursor
                return
            # All in one go: no trip to the database for the fence, nor one for the beginning and one for the end.
            connection = cursor.connection
            await connection.execute("BEGIN")
            carried = await connection.execute(
                CARRY, (fence.SETTING, self.lease.fence, self.lease.thread_id, self.lease.token)
            )
            yield cursor
            await connection.execute("COMMIT")
            row = await carried.fetchone()
            self.wish = str(row["wish"]) if row else ""

    @contextmanager
    def _refused(self) -> Iterator[None]:
        """What the database refuses for the token's sake has one name."""
        try:
            yield
        except DriverError as error:
            if self.lease is None or error.sqlstate != fence.REFUSED:
                raise
            raise LeaseLost(thread_id=self.lease.thread_id) from error


async def saver(lease: Lease | None = None) -> Saver:
    """A checkpointer for one run."""
    made = Saver(await _pool(), serde=serialiser())
    made.lease = lease
    return made


def serialiser() -> JsonPlusSerializer:
    """Reads known types only. A graph's own state classes are added by LangGraph when it is compiled."""
    if not _msgpack.STRICT_MSGPACK_ENABLED:
        raise InsecureSerialiser
    return JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)


def check_answer(value: Any) -> None:
    """Raise BadAnswer unless the saver can write this and read it back: LangGraph keeps an answer before it is used."""
    kept = serialiser()
    try:
        # In a list of answers, in what a task wrote: two levels deeper than here.
        kept.loads_typed(kept.dumps_typed([[value]]))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadAnswer(why=f"it cannot be stored: {error}.") from error


def setup_sync() -> None:
    """Create or upgrade the checkpoint tables and their fence; harmless when repeated."""
    with Connection.connect(**_parameters()) as connection:
        PostgresSaver(connection, serde=serialiser()).setup()
        fence.put_up(connection)


@contextmanager
def reading() -> Iterator[PostgresSaver]:
    """A saver for one look from code without an event loop. It knows no graph's own types: those come as plain data."""
    with Connection.connect(**_parameters()) as connection:
        yield PostgresSaver(connection, serde=serialiser())


def forget(lease: Lease) -> None:
    """Delete all that is saved of the thread. The caller holds its lease. Raises LeaseLost."""
    with Connection.connect(**_parameters()) as connection:
        connection.execute("SELECT set_config(%s, %s, false)", (fence.SETTING, lease.fence))
        try:
            PostgresSaver(connection, serde=serialiser()).delete_thread(lease.thread_id)
        except DriverError as error:
            if error.sqlstate != fence.REFUSED:
                raise
            raise LeaseLost(thread_id=lease.thread_id) from error


async def close() -> None:
    """Close this loop's pool, so that the process can end without waiting for it."""
    pool = _pools.pop(asyncio.get_running_loop(), None)
    if pool is not None:
        await pool.close()


async def _pool() -> Pool:
    loop = asyncio.get_running_loop()
    if loop not in _pools:
        # Stored before the first await: two runs that start together must share one pool.
        _pools[loop] = AsyncConnectionPool(
            kwargs=_parameters(),
            min_size=1,
            max_size=POOL_SIZE,
            timeout=CONNECT_SECONDS,
            # Then the next who asks tries anew. A pool's own attempts come ever more seldom, minutes apart.
            reconnect_timeout=RECONNECT_SECONDS,
            configure=_guarded,
            check=_still_there,
            open=False,
        )
        await _pools[loop].open()
        await _check_fence(_pools[loop])
    await _pools[loop].open()
    return _pools[loop]


async def _check_fence(pool: Pool) -> None:
    async with pool.connection() as connection:
        row = await (await connection.execute(fence.STANDS)).fetchone()
    if not row or not row["stands"]:
        await close()
        raise NoFence


async def _guarded(connection: AsyncConnection[DictRow]) -> None:
    if connection.info.server_version >= 170_000:  # Postgres knows no such limit before
        await connection.execute(f"SET transaction_timeout = {STOPPED_MS}")


async def _still_there(connection: AsyncConnection[DictRow]) -> None:
    if has_ended(connection):
        await connection.close()  # or the pool hands it out again
        raise DriverError("the server has ended this connection")


def _parameters() -> dict[str, Any]:
    """Django's own connection parameters, with what the saver needs: autocommit and rows as dicts."""
    parameters = connections["default"].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    return {**parameters, "autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
