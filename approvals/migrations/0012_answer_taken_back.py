"""A delivered ticket keeps its state, but for one case: its graph could not use the answer, nothing ran on
it, and the question is asked again."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

GUARD = """
CREATE OR REPLACE FUNCTION approvals_guard_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> NEW.state AND NOT (
        (OLD.state = 'pending')
        OR (OLD.state = 'approved' AND NEW.state IN ('pending', 'cancelled', 'superseded'))
        OR (OLD.state IN ('rejected', 'answered', 'expired') AND NEW.state = 'superseded')
    ) THEN
        RAISE EXCEPTION 'a ticket cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state <> NEW.state AND OLD.delivered_at IS NOT NULL {unless} THEN
        RAISE EXCEPTION 'a delivered ticket cannot change its state' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.delivered_at IS NOT NULL AND NEW.delivered_at IS DISTINCT FROM OLD.delivered_at THEN
        RAISE EXCEPTION 'a ticket is delivered once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
TAKEN_BACK = "AND NOT (NEW.state = 'superseded' AND OLD.execution IN ('not_started', 'failed'))"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0011_grants")]

    operations: ClassVar = [
        migrations.RunSQL(GUARD.format(unless=TAKEN_BACK), GUARD.format(unless="")),
    ]
