"""What an auditor looks for in a million entries: a person, an action, a kind, a time; each in the order of time.

The action of an entry is computed by the database from the bytes that are hashed, so it cannot say otherwise.
"""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Func, Q, Value

# What is no JSON any more tells nothing: a record that somebody tampered with can still be looked at.
TOLD = """
CREATE FUNCTION approvals_told(body bytea, VARIADIC path text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(body, 'UTF8')::json #>> path;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;
"""
TOLD_REVERSE = "DROP FUNCTION approvals_told(bytea, text[]);"


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("approvals", "0029_recorded"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.RunSQL(TOLD, TOLD_REVERSE),
        migrations.AddField(
            model_name="auditentry",
            name="action",
            field=models.GeneratedField(
                expression=Func(F("body"), Value("ticket"), Value("action"), function="approvals_told"),
                output_field=models.TextField(null=True),
                db_persist=True,
                null=True,
            ),
        ),
        # The indexes below begin with the same columns.
        migrations.AlterField(
            model_name="auditentry",
            name="ticket",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="audit_entries",
                to="approvals.ticket",
            ),
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="actor",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["at", "id"], name="audit_time_idx"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["type", "at", "id"], name="audit_kind_idx"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                condition=Q(("actor__isnull", False)), fields=["actor", "at", "id"], name="audit_person_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                condition=Q(("action__isnull", False)), fields=["action", "at", "id"], name="audit_action_idx"
            ),
        ),
    ]
