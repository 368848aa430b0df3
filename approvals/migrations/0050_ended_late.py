"""A ticket that ended before midnight, in a transaction that commits after it, is counted on the day it ended."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

LATE = """
CREATE FUNCTION approvals_count_late() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended date := (NEW.resolved_at AT TIME ZONE 'UTC')::date;
BEGIN
    -- Until the commit: whoever counts this day waits for it, or has counted already and is asked to do it again.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('tallies/' || ended, 0));
    IF ended < (clock_timestamp() AT TIME ZONE 'UTC')::date THEN
        DELETE FROM approvals_talliedday WHERE day = ended;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER approvals_ticket_opened_and_ended AFTER INSERT ON approvals_ticket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.resolved_at IS NOT NULL)
    EXECUTE FUNCTION approvals_count_late();
CREATE CONSTRAINT TRIGGER approvals_ticket_ended AFTER UPDATE ON approvals_ticket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.resolved_at IS NOT NULL AND OLD.resolved_at IS DISTINCT FROM NEW.resolved_at)
    EXECUTE FUNCTION approvals_count_late();
"""
LATE_REVERSE = """
DROP TRIGGER approvals_ticket_ended ON approvals_ticket;
DROP TRIGGER approvals_ticket_opened_and_ended ON approvals_ticket;
DROP FUNCTION approvals_count_late();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0049_refusals_erased")]

    operations: ClassVar = [migrations.RunSQL(LATE, LATE_REVERSE)]
