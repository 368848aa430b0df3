"""What the code promises of terms, decisions and grants the database also refuses.

A ticket's terms, and who has to sign it, change only with an entry of the ticket. A decision is about a revision that
there is, and nobody signs their own request where that is barred. A grant is revoked once; nothing else of it changes.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

TERMS = """
CREATE FUNCTION approvals_entered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM approvals_auditentry WHERE ticket_id = NEW.id AND xid = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'the terms of ticket % changed without an entry in the record', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER approvals_ticket_terms_are_recorded AFTER UPDATE ON approvals_ticket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        (OLD.graph, OLD.action, OLD.card, OLD.requester_id, OLD.about_id, OLD.follows_id, OLD.request_number,
         OLD.risk, OLD.gate, OLD.policy_name, OLD.policy_version, OLD.policy, OLD.allowed_decisions,
         OLD.answer_releases, OLD.confirm_text, OLD.bar_requester, OLD.deny_threshold, OLD.on_timeout,
         OLD.recall_seconds, OLD.escalations, OLD.least_signers, OLD.extensions, OLD.deadline_at)
        IS DISTINCT FROM
        (NEW.graph, NEW.action, NEW.card, NEW.requester_id, NEW.about_id, NEW.follows_id, NEW.request_number,
         NEW.risk, NEW.gate, NEW.policy_name, NEW.policy_version, NEW.policy, NEW.allowed_decisions,
         NEW.answer_releases, NEW.confirm_text, NEW.bar_requester, NEW.deny_threshold, NEW.on_timeout,
         NEW.recall_seconds, NEW.escalations, NEW.least_signers, NEW.extensions, NEW.deadline_at)
    ) EXECUTE FUNCTION approvals_entered();
"""

TERMS_REVERSE = """
DROP TRIGGER approvals_ticket_terms_are_recorded ON approvals_ticket;
DROP FUNCTION approvals_entered();
"""

REQUIREMENTS = """
CREATE FUNCTION approvals_asked_otherwise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM approvals_auditentry WHERE ticket_id = OLD.ticket_id AND xid = pg_current_xact_id()
            AND type = ANY (string_to_array(TG_ARGV[0], ' '))
    ) THEN
        RAISE EXCEPTION 'who signs ticket % changed without an entry in the record', OLD.ticket_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER approvals_requirement_goes_with_its_entry AFTER DELETE ON approvals_ticketrequirement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION approvals_asked_otherwise('policy.applied');
CREATE CONSTRAINT TRIGGER approvals_requirement_changes_with_its_entry AFTER UPDATE ON approvals_ticketrequirement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.ticket_id, OLD.group_id, OLD.needed) IS DISTINCT FROM (NEW.ticket_id, NEW.group_id, NEW.needed))
    EXECUTE FUNCTION approvals_asked_otherwise('ticket.escalated');
CREATE FUNCTION approvals_asks_of_its_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a requirement stays that of its ticket and its group' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER approvals_requirement_stays BEFORE UPDATE ON approvals_ticketrequirement
    FOR EACH ROW WHEN ((OLD.ticket_id, OLD.group_id) IS DISTINCT FROM (NEW.ticket_id, NEW.group_id))
    EXECUTE FUNCTION approvals_asks_of_its_ticket();
"""

REQUIREMENTS_REVERSE = """
DROP TRIGGER approvals_requirement_stays ON approvals_ticketrequirement;
DROP FUNCTION approvals_asks_of_its_ticket();
DROP TRIGGER approvals_requirement_changes_with_its_entry ON approvals_ticketrequirement;
DROP TRIGGER approvals_requirement_goes_with_its_entry ON approvals_ticketrequirement;
DROP FUNCTION approvals_asked_otherwise();
"""

# A revision is written once and never deleted: what is found here stays.
DECISIONS = """
CREATE FUNCTION approvals_guard_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM approvals_revision
        WHERE ticket_id = NEW.ticket_id AND number = NEW.revision AND digest = NEW.digest
    ) THEN
        RAISE EXCEPTION 'a decision is about a revision of its ticket, by its digest'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF NEW.type IN ('approve', 'edit') AND EXISTS (
        SELECT FROM approvals_ticket WHERE id = NEW.ticket_id AND bar_requester AND requester_id = NEW.reviewer_id
    ) THEN
        RAISE EXCEPTION 'whoever asks for ticket % does not sign it', NEW.ticket_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_decision_guard BEFORE INSERT ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION approvals_guard_decision();
"""

DECISIONS_REVERSE = """
DROP TRIGGER approvals_decision_guard ON approvals_decision;
DROP FUNCTION approvals_guard_decision();
"""

GRANTS = """
CREATE FUNCTION approvals_grant_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL
        AND to_jsonb(NEW) - 'revoked_at' - 'revoked_by_id' = to_jsonb(OLD) - 'revoked_at' - 'revoked_by_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a grant is revoked once, and nothing else of it changes: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER approvals_grant_written_once BEFORE UPDATE OR DELETE ON approvals_grant
    FOR EACH ROW EXECUTE FUNCTION approvals_grant_once();
CREATE TRIGGER approvals_grant_not_truncated BEFORE TRUNCATE ON approvals_grant
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_written_once();
CREATE CONSTRAINT TRIGGER approvals_grant_is_recorded AFTER INSERT ON approvals_grant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_said('grant.given');
CREATE CONSTRAINT TRIGGER approvals_grant_ends_with_its_entry AFTER UPDATE ON approvals_grant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_said('grant.revoked');
"""

GRANTS_REVERSE = """
DROP TRIGGER approvals_grant_ends_with_its_entry ON approvals_grant;
DROP TRIGGER approvals_grant_is_recorded ON approvals_grant;
DROP TRIGGER approvals_grant_not_truncated ON approvals_grant;
DROP TRIGGER approvals_grant_written_once ON approvals_grant;
DROP FUNCTION approvals_grant_once();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0031_tallies")]

    operations: ClassVar = [
        migrations.RunSQL(TERMS, TERMS_REVERSE),
        migrations.RunSQL(REQUIREMENTS, REQUIREMENTS_REVERSE),
        migrations.RunSQL(DECISIONS, DECISIONS_REVERSE),
        migrations.RunSQL(GRANTS, GRANTS_REVERSE),
    ]
