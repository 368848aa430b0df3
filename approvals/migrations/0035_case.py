"""What an agent found, and what it says for and against: its words, shown beside what will run."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0034_unsent")]

    operations: ClassVar = [
        migrations.AddField("ticket", "evidence", models.JSONField(blank=True, db_default=[], default=list)),
        migrations.AddField("ticket", "case_for", models.TextField(blank=True, db_default="", default="")),
        migrations.AddField("ticket", "case_against", models.TextField(blank=True, db_default="", default="")),
    ]
