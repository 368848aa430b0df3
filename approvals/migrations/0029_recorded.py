"""No change of a ticket is committed without its entry in the record: the last entry that the transaction wrote of
the ticket shows it as it stands then. A decision and a revision need an entry of their own."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

RECORDED = """
CREATE FUNCTION approvals_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shown jsonb;
BEGIN
    SELECT convert_from(body, 'UTF8')::jsonb -> 'ticket' INTO shown FROM approvals_auditentry
    WHERE ticket_id = NEW.id AND xid = pg_current_xact_id() ORDER BY id DESC LIMIT 1;
    IF shown IS NULL OR NOT EXISTS (
        SELECT FROM approvals_ticket WHERE id = NEW.id AND state = shown ->> 'state' AND outcome = shown ->> 'outcome'
            AND execution = shown ->> 'execution' AND digest = shown ->> 'digest'
    ) THEN
        RAISE EXCEPTION 'ticket % changed without an entry in the record that shows it', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER approvals_ticket_opened_is_recorded AFTER INSERT ON approvals_ticket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_recorded();
CREATE CONSTRAINT TRIGGER approvals_ticket_change_is_recorded AFTER UPDATE ON approvals_ticket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        (OLD.state, OLD.outcome, OLD.execution, OLD.revision, OLD.digest, OLD.delivered_at)
        IS DISTINCT FROM (NEW.state, NEW.outcome, NEW.execution, NEW.revision, NEW.digest, NEW.delivered_at)
    ) EXECUTE FUNCTION approvals_recorded();

CREATE FUNCTION approvals_said() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM approvals_auditentry WHERE ticket_id = NEW.ticket_id AND xid = pg_current_xact_id()
            AND type = ANY (string_to_array(TG_ARGV[0], ' '))
    ) THEN
        RAISE EXCEPTION 'a row of % came without its entry in the record', TG_TABLE_NAME
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER approvals_decision_is_recorded AFTER INSERT ON approvals_decision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_said('decision.recorded');
CREATE CONSTRAINT TRIGGER approvals_revision_is_recorded AFTER INSERT ON approvals_revision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_said('ticket.opened revision.created');
CREATE CONSTRAINT TRIGGER approvals_requirement_is_recorded AFTER INSERT ON approvals_ticketrequirement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION approvals_said('ticket.opened policy.applied ticket.escalated');
"""

RECORDED_REVERSE = """
DROP TRIGGER approvals_requirement_is_recorded ON approvals_ticketrequirement;
DROP TRIGGER approvals_revision_is_recorded ON approvals_revision;
DROP TRIGGER approvals_decision_is_recorded ON approvals_decision;
DROP FUNCTION approvals_said();
DROP TRIGGER approvals_ticket_change_is_recorded ON approvals_ticket;
DROP TRIGGER approvals_ticket_opened_is_recorded ON approvals_ticket;
DROP FUNCTION approvals_recorded();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0028_ticket_about_doubt")]

    operations: ClassVar = [migrations.RunSQL(RECORDED, RECORDED_REVERSE)]
