"""What the inbox asks of ten thousand waiting tickets: whom they ask, which comes first, which words are in them."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

# Whoever writes a requirement, one statement or many: the ticket says whom it asks, and whose turn it is.
ASKED = """
CREATE FUNCTION approvals_note_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE approvals_ticket AS ticket SET asked = found.asked, asked_now = found.asked_now
    FROM (
        SELECT touched.ticket_id,
            coalesce(array_agg(asks.group_id ORDER BY asks.id) FILTER (WHERE asks.id IS NOT NULL), '{}') AS asked,
            coalesce(array_agg(asks.group_id ORDER BY asks.id) FILTER (WHERE NOT asks.waits), '{}') AS asked_now
        FROM (SELECT DISTINCT ticket_id FROM changed) AS touched
        LEFT JOIN approvals_ticketrequirement AS asks ON asks.ticket_id = touched.ticket_id
        GROUP BY touched.ticket_id
    ) AS found
    WHERE ticket.id = found.ticket_id
        AND (ticket.asked, ticket.asked_now) IS DISTINCT FROM (found.asked, found.asked_now);
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_asked_more AFTER INSERT ON approvals_ticketrequirement
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION approvals_note_asked();
CREATE TRIGGER approvals_asked_otherwise AFTER UPDATE ON approvals_ticketrequirement
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION approvals_note_asked();
CREATE TRIGGER approvals_asked_less AFTER DELETE ON approvals_ticketrequirement
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION approvals_note_asked();
"""

ASKED_REVERSE = """
DROP TRIGGER approvals_asked_more ON approvals_ticketrequirement;
DROP TRIGGER approvals_asked_otherwise ON approvals_ticketrequirement;
DROP TRIGGER approvals_asked_less ON approvals_ticketrequirement;
DROP FUNCTION approvals_note_asked();
"""

# Escalated or not in the highest bit, then the deadline in microseconds (none: the year 2096), then the risk.
URGENCY = """
CREATE FUNCTION approvals_urgency(escalations integer, deadline_at timestamptz, risk text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ((CASE WHEN escalations > 0 THEN 0 ELSE 1 END)::bigint << 60)
        | (LEAST(
            coalesce(extract(epoch FROM deadline_at - TIMESTAMPTZ '1970-01-01 00:00:00+00') * 1000000, 4e15), 4e15
        )::bigint << 2)
        | (CASE risk WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END)::bigint
$$;
"""

URGENCY_REVERSE = "DROP FUNCTION approvals_urgency(integer, timestamptz, text);"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0019_tokens")]

    operations: ClassVar = [
        migrations.RunSQL(URGENCY, URGENCY_REVERSE),
        migrations.CreateModel(
            name="Wordlist",
            fields=[
                (
                    "ticket",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="approvals.ticket",
                    ),
                ),
                ("words", django.contrib.postgres.search.SearchVectorField()),
            ],
        ),
        migrations.AddField(
            model_name="ticket",
            name="asked",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.IntegerField(), default=list, editable=False, size=None
            ),
        ),
        migrations.AddField(
            model_name="ticket",
            name="asked_now",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.IntegerField(), default=list, editable=False, size=None
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                models.Func(
                    "escalations",
                    "deadline_at",
                    "risk",
                    function="approvals_urgency",
                    output_field=models.BigIntegerField(),
                ),
                models.F("id"),
                condition=models.Q(("state", "pending")),
                name="ticket_urgency_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("state", "pending")), fields=["asked_now"], name="ticket_asked_now_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["requester"], name="ticket_requested_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("state", "pending"), models.Q(("shortage", ""), _negated=True)),
                fields=["id"],
                name="ticket_stuck_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="wordlist",
            index=django.contrib.postgres.indexes.GinIndex(fields=["words"], name="wordlist_words_idx"),
        ),
        migrations.RunSQL(ASKED, ASKED_REVERSE),
    ]
