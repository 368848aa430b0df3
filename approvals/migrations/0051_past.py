"""What was decided is found by a rare state or risk, and by who was asked, without a walk through all of it."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.indexes
from django.db import migrations, models

DECIDED = models.Q(("state", "pending"), _negated=True)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0050_ended_late")]

    operations: ClassVar = [
        *(
            migrations.AddIndex(
                model_name="ticket",
                index=models.Index(
                    condition=DECIDED, fields=[trait, "-resolved_at", "-id"], name=f"ticket_past_{trait}_idx"
                ),
            )
            for trait in ("state", "risk")
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=DECIDED, fields=["asked"], name="ticket_past_asked_idx"
            ),
        ),
    ]
