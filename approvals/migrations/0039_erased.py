"""The words of a ticket that is over can be erased for somebody's privacy: together with an entry that says so, once,
and nothing else of them ever changes."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

TICKET = """
CREATE FUNCTION approvals_guard_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.erased_at IS NOT NULL AND NEW.erased_at IS DISTINCT FROM OLD.erased_at THEN
        RAISE EXCEPTION 'a ticket is erased once' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL AND NEW.state <> 'pending' THEN
        RETURN NEW;
    END IF;
    IF (OLD.description, OLD.reasoning, OLD.context, OLD.evidence, OLD.case_for, OLD.case_against, OLD.best_guess,
        OLD.args_schema, OLD.answer_schema, OLD.erased_at)
        IS DISTINCT FROM
       (NEW.description, NEW.reasoning, NEW.context, NEW.evidence, NEW.case_for, NEW.case_against, NEW.best_guess,
        NEW.args_schema, NEW.answer_schema, NEW.erased_at)
    THEN
        RAISE EXCEPTION 'what was proposed does not change' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_ticket_guard_words
    BEFORE UPDATE OF description, reasoning, context, evidence, case_for, case_against, best_guess, args_schema,
        answer_schema, erased_at
    ON approvals_ticket FOR EACH ROW EXECUTE FUNCTION approvals_guard_words();
CREATE FUNCTION approvals_ticket_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM approvals_auditentry
        WHERE ticket_id = NEW.id AND xid = pg_current_xact_id() AND type = 'payload.erased'
    ) THEN
        RAISE EXCEPTION 'ticket % is erased only with an entry that says so', NEW.id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER approvals_ticket_erasure_is_recorded AFTER UPDATE ON approvals_ticket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.erased_at IS DISTINCT FROM NEW.erased_at)
    EXECUTE FUNCTION approvals_ticket_erased();
"""
TICKET_REVERSE = """
DROP TRIGGER approvals_ticket_erasure_is_recorded ON approvals_ticket;
DROP FUNCTION approvals_ticket_erased();
DROP TRIGGER approvals_ticket_guard_words ON approvals_ticket;
DROP FUNCTION approvals_guard_words();
"""

# The names of the triggers stay: whoever grants rights knows by them what is written once.
ONCE = """
CREATE FUNCTION approvals_written_once_or_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) -> TG_ARGV[0] <> TG_ARGV[1]::jsonb
        AND to_jsonb(NEW) -> TG_ARGV[0] = TG_ARGV[1]::jsonb
        AND to_jsonb(NEW) - TG_ARGV[0] = to_jsonb(OLD) - TG_ARGV[0] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is written once: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
DROP TRIGGER approvals_revision_written_once ON approvals_revision;
CREATE TRIGGER approvals_revision_written_once BEFORE UPDATE OR DELETE ON approvals_revision
    FOR EACH ROW EXECUTE FUNCTION approvals_written_once_or_erased('args', '{}');
CREATE CONSTRAINT TRIGGER approvals_revision_erasure_is_recorded AFTER UPDATE ON approvals_revision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_said('payload.erased');
CREATE OR REPLACE FUNCTION approvals_decision_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL
        AND to_jsonb(NEW) - 'withdrawn_at' = to_jsonb(OLD) - 'withdrawn_at'
        AND NOT EXISTS (SELECT FROM approvals_ticket WHERE id = OLD.ticket_id AND delivered_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.message <> '' AND NEW.message = ''
        AND to_jsonb(NEW) - 'message' = to_jsonb(OLD) - 'message' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is written once: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE CONSTRAINT TRIGGER approvals_decision_erasure_is_recorded AFTER UPDATE ON approvals_decision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.message IS DISTINCT FROM NEW.message)
    EXECUTE FUNCTION approvals_said('payload.erased');
"""
ONCE_REVERSE = """
DROP TRIGGER approvals_decision_erasure_is_recorded ON approvals_decision;
DROP TRIGGER approvals_revision_erasure_is_recorded ON approvals_revision;
DROP TRIGGER approvals_revision_written_once ON approvals_revision;
CREATE TRIGGER approvals_revision_written_once BEFORE UPDATE OR DELETE ON approvals_revision
    FOR EACH ROW EXECUTE FUNCTION approvals_written_once();
DROP FUNCTION approvals_written_once_or_erased();
CREATE OR REPLACE FUNCTION approvals_decision_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL
        AND to_jsonb(NEW) - 'withdrawn_at' = to_jsonb(OLD) - 'withdrawn_at'
        AND NOT EXISTS (SELECT FROM approvals_ticket WHERE id = OLD.ticket_id AND delivered_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is written once: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0038_linked_accounts")]

    operations: ClassVar = [
        migrations.AddField("ticket", "erased_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.RunSQL(TICKET, TICKET_REVERSE),
        migrations.RunSQL(ONCE, ONCE_REVERSE),
    ]
