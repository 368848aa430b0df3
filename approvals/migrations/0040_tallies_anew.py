"""Decisions are counted for each action: the days that are over are counted anew."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0039_erased")]

    operations: ClassVar = [
        migrations.RunSQL("DELETE FROM approvals_tally; DELETE FROM approvals_talliedday", migrations.RunSQL.noop),
    ]
