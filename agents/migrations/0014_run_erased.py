"""A run that is over can be erased: what it would go on from is gone."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("agents", "0013_effect_place")]

    operations: ClassVar = [
        migrations.AddField("run", "erased_at", models.DateTimeField(blank=True, editable=False, null=True)),
    ]
