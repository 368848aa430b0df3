"""The fence around LangGraph's own tables: for a run that Countersign drives, only the lease's holder writes there.

The tables are the saver's, not Django's, so their triggers are put up after its own `setup()`, and a worker
does not begin without them. Each write carries its token (see `agents.leases.fenced`); the check comes at
the commit, when nothing is waited for any more: a worker that is stopped in the middle of a write then
holds no lock on the run, and the next one can take the lease.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

#: The SQLSTATE of a refusal.
REFUSED = "FENCE"
#: What a transaction carries: "token:thread".
SETTING = "countersign.fence"
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")

_FUNCTION = """
CREATE OR REPLACE FUNCTION agents_guard_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    thread text := CASE TG_OP WHEN 'DELETE' THEN OLD.thread_id ELSE NEW.thread_id END;
    run record;
BEGIN
    SELECT lease_token, coalesce(lease_expires_at > clock_timestamp(), false) AS is_held
        INTO run FROM agents_run WHERE thread_id = thread FOR SHARE;
    IF FOUND AND NOT (
        run.is_held AND coalesce(current_setting('countersign.fence', true), '') = run.lease_token || ':' || thread
    ) THEN
        RAISE EXCEPTION 'only the worker that holds the lease on % may write its checkpoints', thread
            USING ERRCODE = 'FENCE';
    END IF;
    RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE CONSTRAINT TRIGGER agents_fence AFTER INSERT OR UPDATE OR DELETE ON {table}
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agents_guard_checkpoint()
"""
#: One row, `stands`: has every table its trigger, switched on?
STANDS = """
SELECT count(*) = 3 AS stands FROM pg_trigger WHERE tgname = 'agents_fence' AND tgenabled = 'O'
AND tgrelid IN (to_regclass('checkpoints'), to_regclass('checkpoint_blobs'), to_regclass('checkpoint_writes'))
"""
_ALONE = "SELECT pg_advisory_xact_lock(hashtext('agents_fence'))"


def put_up(connection: Connection[Any]) -> None:
    """Make the triggers, or make them anew after an upgrade; harmless when repeated. Nobody writes meanwhile."""
    with connection.transaction():
        connection.execute(_ALONE)
        connection.execute(_FUNCTION)
        for table in TABLES:
            connection.execute(f"DROP TRIGGER IF EXISTS agents_fence ON {table}")
            connection.execute(_TRIGGER.format(table=table))
