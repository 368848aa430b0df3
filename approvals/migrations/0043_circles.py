"""What the inbox asks of a hundred thousand waiting tickets: which circles they ask, and which have one trait."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.indexes
from django.db import migrations, models

WAITING = models.Q(("state", "pending"))
URGENCY = models.Func(
    "escalations", "deadline_at", "risk", function="approvals_urgency", output_field=models.BigIntegerField()
)

# A circle is two columns that say nearly the same; taken for independent they seem to be a few tickets only.
TOGETHER = "CREATE STATISTICS ticket_circles (mcv) ON asked, asked_now, state FROM approvals_ticket;"
APART = "DROP STATISTICS ticket_circles;"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0042_seen")]

    operations: ClassVar = [
        migrations.RemoveIndex(model_name="ticket", name="ticket_asked_now_idx"),
        migrations.AddIndex(
            model_name="ticket",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=WAITING, fields=["asked", "asked_now"], name="ticket_asked_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(condition=WAITING, fields=["asked", "asked_now"], name="ticket_circle_idx"),
        ),
        *(
            migrations.AddIndex(
                model_name="ticket",
                index=models.Index(
                    models.F(trait), URGENCY, models.F("id"), condition=WAITING, name=f"ticket_of_{trait}_idx"
                ),
            )
            for trait in ("risk", "graph", "action")
        ),
        migrations.RunSQL(TOGETHER, APART),
    ]
