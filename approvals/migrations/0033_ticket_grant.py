"""A ticket that a remembered approval lets run names it, so that it is asked once more before it runs."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

GRANT = """
CREATE CONSTRAINT TRIGGER approvals_ticket_grant_is_recorded AFTER UPDATE ON approvals_ticket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.grant_id IS DISTINCT FROM NEW.grant_id)
    EXECUTE FUNCTION approvals_entered();
"""
GRANT_REVERSE = "DROP TRIGGER approvals_ticket_grant_is_recorded ON approvals_ticket;"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0032_guarded_terms")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="ticket",
            name="grant",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="uses",
                to="approvals.grant",
            ),
        ),
        migrations.RunSQL(GRANT, GRANT_REVERSE),
    ]
