"""Tickets are counted by the version of the policy they were under: the days that are over are counted anew."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

EMPTIED = "TRUNCATE approvals_tally, approvals_talliedday"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0043_circles")]

    operations: ClassVar = [
        migrations.RunSQL(EMPTIED, EMPTIED),
        migrations.AddField(
            model_name="tally", name="version", field=models.PositiveIntegerField(default=0), preserve_default=False
        ),
    ]
