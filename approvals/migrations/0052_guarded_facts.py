"""What else changes only with its entry in the record: what is told of a ticket, a word that is taken back, the words
that find a ticket, who set about an answer, the policies in force, and tokens, which are revoked once.

Whom a ticket asks is written by a trigger alone, with the rights of the owner of the tables.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

# Where the state changes too, its own trigger asks for the entry.
TICKETS = """
CREATE CONSTRAINT TRIGGER approvals_ticket_facts_are_recorded AFTER UPDATE ON approvals_ticket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        (OLD.message, OLD.result, OLD.error, OLD.resolved_at, OLD.release_at, OLD.shortage)
        IS DISTINCT FROM (NEW.message, NEW.result, NEW.error, NEW.resolved_at, NEW.release_at, NEW.shortage)
        AND (OLD.state, OLD.outcome, OLD.execution, OLD.revision, OLD.digest, OLD.delivered_at)
        IS NOT DISTINCT FROM (NEW.state, NEW.outcome, NEW.execution, NEW.revision, NEW.digest, NEW.delivered_at)
    ) EXECUTE FUNCTION approvals_entered();
CREATE CONSTRAINT TRIGGER approvals_decision_withdrawal_is_recorded AFTER UPDATE ON approvals_decision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.withdrawn_at IS DISTINCT FROM NEW.withdrawn_at)
    EXECUTE FUNCTION approvals_said('ticket.recalled');
CREATE CONSTRAINT TRIGGER approvals_wordlist_changes_with_its_entry AFTER UPDATE ON approvals_wordlist
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.words IS DISTINCT FROM NEW.words)
    EXECUTE FUNCTION approvals_said('revision.created');
CREATE CONSTRAINT TRIGGER approvals_claim_is_recorded AFTER UPDATE ON approvals_remoterequest
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.claim IS DISTINCT FROM NEW.claim)
    EXECUTE FUNCTION approvals_said('ticket.delivered');
"""
TICKETS_REVERSE = """
DROP TRIGGER approvals_claim_is_recorded ON approvals_remoterequest;
DROP TRIGGER approvals_wordlist_changes_with_its_entry ON approvals_wordlist;
DROP TRIGGER approvals_decision_withdrawal_is_recorded ON approvals_decision;
DROP TRIGGER approvals_ticket_facts_are_recorded ON approvals_ticket;
"""

POLICIES = """
CREATE FUNCTION approvals_governed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM approvals_auditentry WHERE xid = pg_current_xact_id() AND stream = 'system/policy'
    ) THEN
        RAISE EXCEPTION 'the policies changed without an entry in the record: % of %', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER approvals_policy_is_recorded AFTER INSERT OR UPDATE OR DELETE ON approvals_policy
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_governed();
CREATE CONSTRAINT TRIGGER approvals_policy_signers_are_recorded AFTER INSERT OR UPDATE OR DELETE ON approvals_requirement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_governed();
CREATE CONSTRAINT TRIGGER approvals_policy_steps_are_recorded AFTER INSERT OR UPDATE OR DELETE ON approvals_escalationstep
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_governed();
"""
POLICIES_REVERSE = """
DROP TRIGGER approvals_policy_steps_are_recorded ON approvals_escalationstep;
DROP TRIGGER approvals_policy_signers_are_recorded ON approvals_requirement;
DROP TRIGGER approvals_policy_is_recorded ON approvals_policy;
DROP FUNCTION approvals_governed();
"""

TOKENS = """
CREATE FUNCTION approvals_token_said() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.revoked_at IS NOT NULL OR NOT EXISTS (
        SELECT FROM approvals_auditentry WHERE xid = pg_current_xact_id() AND stream = 'system/token'
            AND convert_from(body, 'UTF8')::jsonb -> 'facts' -> 'token' = to_jsonb(NEW.id)
    ) THEN
        RAISE EXCEPTION 'token % changed without an entry in the record, or after it was revoked', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER approvals_token_is_recorded AFTER INSERT ON approvals_token
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_token_said();
CREATE CONSTRAINT TRIGGER approvals_token_ends_with_its_entry AFTER UPDATE ON approvals_token
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        (OLD.user_id, OLD.digest, OLD.scope, OLD.created_at, OLD.expires_at, OLD.revoked_at)
        IS DISTINCT FROM (NEW.user_id, NEW.digest, NEW.scope, NEW.created_at, NEW.expires_at, NEW.revoked_at)
    ) EXECUTE FUNCTION approvals_token_said();
"""
TOKENS_REVERSE = """
DROP TRIGGER approvals_token_ends_with_its_entry ON approvals_token;
DROP TRIGGER approvals_token_is_recorded ON approvals_token;
DROP FUNCTION approvals_token_said();
"""

# Tables that somebody made for a session come last in its search: the function is the owner's.
ASKED = """
DO $$ BEGIN
    EXECUTE format(
        'ALTER FUNCTION approvals_note_asked() SECURITY DEFINER SET search_path = %I, pg_temp', current_schema()
    );
END $$;
"""
ASKED_REVERSE = "ALTER FUNCTION approvals_note_asked() SECURITY INVOKER RESET search_path"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0051_past")]

    operations: ClassVar = [
        migrations.RunSQL(TICKETS, TICKETS_REVERSE),
        migrations.RunSQL(POLICIES, POLICIES_REVERSE),
        migrations.RunSQL(TOKENS, TOKENS_REVERSE),
        migrations.RunSQL(ASKED, ASKED_REVERSE),
    ]
