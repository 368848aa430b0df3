"""What `agents.leases` promises, the database keeps: while a worker drives a run, only its token writes there.

A worker that was stopped past its lease and wakes finds its token refused, whatever it still had in hand.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

# SQLSTATE FENCE: no class of Postgres's own, so nobody takes it for a lost connection.
REFUSE = """
CREATE FUNCTION agents_refuse(thread text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'only the worker that holds the lease on % may write this', thread USING ERRCODE = 'FENCE';
END $$;
"""

# Without a lease that lives, people may write (they hold the run's row lock), but nobody who carries a token:
# that is a worker whose lease ran out.
MAY_WRITE = """
CREATE FUNCTION agents_may_write(thread text, token bigint, expires timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE AS $$
    SELECT CASE
        WHEN coalesce(expires > clock_timestamp(), false)
            THEN coalesce(current_setting('countersign.fence', true), '') = token || ':' || thread
        ELSE coalesce(current_setting('countersign.fence', true), '') = ''
    END
$$;
"""

RUNS = """
CREATE FUNCTION agents_guard_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT agents_may_write(OLD.thread_id, OLD.lease_token, OLD.lease_expires_at) THEN
        PERFORM agents_refuse(OLD.thread_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER agents_run_fence
    BEFORE UPDATE OF status, input, transcript, output, waiting_at, answering, begun_from, recoveries, ended_at
    ON agents_run FOR EACH ROW WHEN (OLD.lease_token = NEW.lease_token) EXECUTE FUNCTION agents_guard_run();
"""

# For any table with a column `thread_id`. The row lock makes whoever takes the lease wait for this commit.
OF_A_RUN = """
CREATE FUNCTION agents_guard_thread() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    run record;
BEGIN
    SELECT lease_token, lease_expires_at INTO run FROM agents_run WHERE thread_id = NEW.thread_id FOR SHARE;
    IF FOUND AND NOT agents_may_write(NEW.thread_id, run.lease_token, run.lease_expires_at) THEN
        PERFORM agents_refuse(NEW.thread_id);
    END IF;
    RETURN NEW;
END $$;
"""

# A remote agent's ticket has no interrupt, and no worker drives it.
OUTCOMES = """
CREATE TRIGGER agents_ticket_fence BEFORE UPDATE OF delivered_at, execution, result ON approvals_ticket
    FOR EACH ROW WHEN (NEW.interrupt_id <> '') EXECUTE FUNCTION agents_guard_thread();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("agents", "0006_effect_guard"), ("approvals", "0017_ticket_is_ledgered")]

    operations: ClassVar = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION agents_refuse(text);"),
        migrations.RunSQL(MAY_WRITE, "DROP FUNCTION agents_may_write(text, bigint, timestamptz);"),
        migrations.RunSQL(RUNS, "DROP TRIGGER agents_run_fence ON agents_run; DROP FUNCTION agents_guard_run();"),
        migrations.RunSQL(OF_A_RUN, "DROP FUNCTION agents_guard_thread();"),
        migrations.RunSQL(OUTCOMES, "DROP TRIGGER agents_ticket_fence ON approvals_ticket;"),
    ]
