"""The Postgres checkpointer: one pool per event loop, one saver object per run, strict serialisation.

One shared `AsyncPostgresSaver` answers one call at a time even over a pool (it holds a lock around its
connection), so every run gets its own object; they are cheap.
"""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde import _msgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from agents.errors import InsecureSerialiser

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

#: Waiting longer for a connection means the database is gone; the job is retried then.
CONNECT_SECONDS = 10
POOL_SIZE = 16

# A pool belongs to the event loop that opened it; tests and `run_agent` open loops of their own.
_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()


async def saver() -> AsyncPostgresSaver:
    """A checkpointer for one run."""
    return AsyncPostgresSaver(await _pool(), serde=serialiser())


def serialiser() -> JsonPlusSerializer:
    """Reads known types only. A graph's own state classes are added by LangGraph when it is compiled."""
    if not _msgpack.STRICT_MSGPACK_ENABLED:
        raise InsecureSerialiser
    return JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)


def setup_sync() -> None:
    """Create or upgrade the checkpoint tables; harmless when repeated."""
    with Connection.connect(**_parameters()) as connection:
        PostgresSaver(connection, serde=serialiser()).setup()


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
            kwargs=_parameters(), min_size=1, max_size=POOL_SIZE, timeout=CONNECT_SECONDS, open=False
        )
    await _pools[loop].open()
    return _pools[loop]


def _parameters() -> dict[str, Any]:
    """Django's own connection parameters, with what the saver needs: autocommit and rows as dicts."""
    parameters = connections["default"].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    return {**parameters, "autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
