"""How the tickets of each day ended, counted once the day is over: figures over a month need not read its tickets.

A ticket that ends otherwise afterwards (recalled, superseded) takes the count of its day away; it is counted anew.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

UNCOUNTED = """
CREATE FUNCTION approvals_uncount() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended date := (OLD.resolved_at AT TIME ZONE 'UTC')::date;
BEGIN
    -- Whoever counts this day holds the lock alone: it either sees this change, or is taken away by it.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('tallies/' || ended, 0));
    DELETE FROM approvals_talliedday WHERE day = ended;
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_ticket_ended_otherwise AFTER UPDATE ON approvals_ticket FOR EACH ROW WHEN (
    OLD.resolved_at IS NOT NULL AND (OLD.outcome, OLD.resolved_at) IS DISTINCT FROM (NEW.outcome, NEW.resolved_at)
) EXECUTE FUNCTION approvals_uncount();
"""
UNCOUNTED_REVERSE = """
DROP TRIGGER approvals_ticket_ended_otherwise ON approvals_ticket;
DROP FUNCTION approvals_uncount();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0030_audit_page")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="TalliedDay",
            fields=[("day", models.DateField(primary_key=True, serialize=False))],
            options={"ordering": ("day",)},
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("action", models.CharField(max_length=200)),
                ("policy", models.CharField(max_length=80)),
                ("what", models.CharField(max_length=10)),
                ("key", models.CharField(max_length=20)),
                ("count", models.PositiveIntegerField()),
            ],
            options={"verbose_name_plural": "tallies"},
        ),
        migrations.AddIndex(model_name="tally", index=models.Index(fields=["day"], name="tally_day_idx")),
        migrations.RunSQL(UNCOUNTED, UNCOUNTED_REVERSE),
    ]
