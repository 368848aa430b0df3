"""Django's Postgres, for a server that may go away: no request is handed a connection that has ended, and
while there is none to be had few of them wait for one."""

from __future__ import annotations

import time
from typing import Any

from django.db.backends.postgresql import base
from django.db.utils import OperationalError
from psycopg_pool import PoolTimeout

from agents.database import has_ended
from approvals import clock

#: After one has waited in vain the others need not.
AWAY_SECONDS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend of the settings; what it adds is about the pool."""

    #: Shared by all threads; a number is written at once.
    away_until = 0.0

    def _configure_connection(self, connection: Any) -> bool:
        """Once for each connection to the server: what time is it there?"""
        commit: bool = super()._configure_connection(connection)  # type: ignore[misc] # not in the stubs
        [moment] = connection.execute("SELECT clock_timestamp()").fetchone()
        clock.set_by(moment)
        return commit

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """One that works, or OperationalError."""
        if not self.pool:
            return super().get_new_connection(conn_params)
        while True:
            connection = self._ask_the_pool(conn_params)
            if not has_ended(connection):
                return connection
            connection.close()
            self.pool.putconn(connection)

    def _ask_the_pool(self, conn_params: dict[str, Any]) -> Any:
        cls = type(self)
        if time.monotonic() < cls.away_until and not self.pool.get_stats().get("pool_available"):
            raise OperationalError("couldn't get a connection, as somebody found a moment ago")
        try:
            return super().get_new_connection(conn_params)
        except PoolTimeout:
            cls.away_until = time.monotonic() + AWAY_SECONDS
            raise
