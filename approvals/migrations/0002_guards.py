"""What the code refuses, the database refuses too: forbidden moves of a ticket, and any change to a
revision, a decision or an audit entry once it is written."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

# Written out, not imported: a migration keeps meaning what it meant. A test compares it with the table.
MOVES = """
CREATE FUNCTION approvals_guard_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> NEW.state AND NOT (
        (OLD.state = 'pending')
        OR (OLD.state = 'approved' AND NEW.state IN ('pending', 'cancelled', 'superseded'))
        OR (OLD.state IN ('rejected', 'answered', 'expired') AND NEW.state = 'superseded')
    ) THEN
        RAISE EXCEPTION 'a ticket cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state <> NEW.state AND OLD.delivered_at IS NOT NULL THEN
        RAISE EXCEPTION 'a delivered ticket cannot change its state' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.delivered_at IS NOT NULL AND NEW.delivered_at IS DISTINCT FROM OLD.delivered_at THEN
        RAISE EXCEPTION 'a ticket is delivered once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_ticket_guard_move BEFORE UPDATE OF state, delivered_at ON approvals_ticket
    FOR EACH ROW EXECUTE FUNCTION approvals_guard_move();
"""

MOVES_REVERSE = """
DROP TRIGGER approvals_ticket_guard_move ON approvals_ticket;
DROP FUNCTION approvals_guard_move();
"""

ONCE = """
CREATE FUNCTION approvals_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is written once: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
"""

ONCE_REVERSE = "DROP FUNCTION approvals_written_once();"


def written_once(table: str) -> migrations.RunSQL:
    """The triggers that make a table append-only."""
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION approvals_written_once();
        CREATE TRIGGER {table}_not_truncated BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION approvals_written_once();
        """,
        f"""
        DROP TRIGGER {table}_written_once ON {table};
        DROP TRIGGER {table}_not_truncated ON {table};
        """,
    )


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0001_initial")]

    operations: ClassVar = [
        migrations.RunSQL(MOVES, MOVES_REVERSE),
        migrations.RunSQL(ONCE, ONCE_REVERSE),
        written_once("approvals_revision"),
        written_once("approvals_decision"),
        written_once("approvals_auditentry"),
    ]
