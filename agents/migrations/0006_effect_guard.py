"""What the ledger refuses, the database refuses too: forbidden moves, another action under the same key, and a
move by a worker whose lease on the run is not the latest any more."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

# Written out, not imported: a migration keeps meaning what it meant. A test compares it with the table.
GUARD = """
CREATE FUNCTION agents_guard_effect() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an effect is never deleted' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'authorised' THEN
            RAISE EXCEPTION 'an effect begins authorised, not %', NEW.state USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.effect_id, NEW.ticket_id, NEW.thread_id, NEW.revision, NEW.number, NEW.action, NEW.tool_call_id, NEW.digest)
        <> (OLD.effect_id, OLD.ticket_id, OLD.thread_id, OLD.revision, OLD.number, OLD.action, OLD.tool_call_id, OLD.digest)
    THEN
        RAISE EXCEPTION 'what an effect is for never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.state = OLD.state AND NEW.claim = OLD.claim THEN
        RETURN NEW;
    END IF;
    IF NOT (
        (OLD.state = 'authorised' AND NEW.state IN ('started', 'withdrawn'))
        OR (OLD.state = 'started' AND NEW.state IN ('started', 'authorised', 'succeeded', 'failed', 'unknown'))
        OR (OLD.state = 'unknown' AND NEW.state IN ('happened', 'not_happened'))
    ) THEN
        RAISE EXCEPTION 'an effect cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state IN ('started', 'authorised', 'succeeded', 'failed') THEN
        -- Shared: the lease cannot be taken by another worker before this is committed.
        PERFORM 1 FROM agents_run
            WHERE thread_id = NEW.thread_id AND lease_token = NEW.lease_token
                AND (NEW.state <> 'started' OR lease_expires_at > clock_timestamp())
            FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the lease on the run is not the latest' USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER agents_effect_guard BEFORE INSERT OR UPDATE OR DELETE ON agents_effect
    FOR EACH ROW EXECUTE FUNCTION agents_guard_effect();
"""

REVERSE = """
DROP TRIGGER agents_effect_guard ON agents_effect;
DROP FUNCTION agents_guard_effect();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("agents", "0005_effect")]

    operations: ClassVar = [migrations.RunSQL(GUARD, REVERSE)]
