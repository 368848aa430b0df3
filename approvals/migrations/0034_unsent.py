"""What somebody has typed and not sent, and what erases it: their decision, and the end of the ticket."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

ERASED = """
CREATE FUNCTION approvals_word_is_said() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM approvals_unsent WHERE ticket_id = NEW.ticket_id AND person_id = NEW.reviewer_id;
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_decision_erases_unsent AFTER INSERT ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION approvals_word_is_said();
CREATE FUNCTION approvals_ticket_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM approvals_unsent WHERE ticket_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_ticket_erases_unsent AFTER UPDATE OF state ON approvals_ticket
    FOR EACH ROW WHEN (OLD.state = 'pending' AND NEW.state <> 'pending')
    EXECUTE FUNCTION approvals_ticket_is_closed();
"""
ERASED_REVERSE = """
DROP TRIGGER approvals_ticket_erases_unsent ON approvals_ticket;
DROP FUNCTION approvals_ticket_is_closed();
DROP TRIGGER approvals_decision_erases_unsent ON approvals_decision;
DROP FUNCTION approvals_word_is_said();
"""
KINDS = [("approve", "Approve"), ("edit", "Edit and approve"), ("reject", "Reject"), ("respond", "Answer")]


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("approvals", "0033_ticket_grant"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Unsent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=KINDS, max_length=10)),
                ("digest", models.CharField(max_length=64)),
                ("posted", models.JSONField()),
                ("at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="unsent", to="approvals.ticket"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("ticket", "person", "kind"), name="unsent_once_per_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", [kind for kind, _ in KINDS])), name="unsent_kind_known"
                    ),
                ]
            },
        ),
        migrations.RunSQL(ERASED, ERASED_REVERSE),
    ]
