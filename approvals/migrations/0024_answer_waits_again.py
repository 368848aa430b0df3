"""An answer that lets its graph act waits for people again where those who gave it may not sign any more."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

GUARD = """
CREATE OR REPLACE FUNCTION approvals_guard_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> NEW.state AND NOT (
        (OLD.state = 'pending')
        OR (OLD.state = 'approved' AND NEW.state IN ('pending', 'cancelled', 'superseded'))
        OR (OLD.state = 'answered' AND NEW.state IN ({answered}))
        OR (OLD.state IN ('rejected', 'expired') AND NEW.state = 'superseded')
    ) THEN
        RAISE EXCEPTION 'a ticket cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state <> NEW.state AND OLD.delivered_at IS NOT NULL
        AND NOT (NEW.state = 'superseded' AND OLD.execution IN ('not_started', 'failed')) THEN
        RAISE EXCEPTION 'a delivered ticket cannot change its state' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.delivered_at IS NOT NULL AND NEW.delivered_at IS DISTINCT FROM OLD.delivered_at THEN
        RAISE EXCEPTION 'a ticket is delivered once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0023_ticket_same_kind")]

    operations: ClassVar = [
        migrations.RunSQL(GUARD.format(answered="'pending', 'superseded'"), GUARD.format(answered="'superseded'")),
    ]
