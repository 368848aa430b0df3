"""Roots over full blocks of places are kept, so that a proof does not read every leaf. Written once, as leaves are."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

ONCE = """
CREATE TRIGGER approvals_block_written_once BEFORE UPDATE OR DELETE ON approvals_block
    FOR EACH ROW EXECUTE FUNCTION approvals_written_once();
CREATE TRIGGER approvals_block_not_truncated BEFORE TRUNCATE ON approvals_block
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_written_once();
"""
ONCE_REVERSE = """
DROP TRIGGER approvals_block_written_once ON approvals_block;
DROP TRIGGER approvals_block_not_truncated ON approvals_block;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0040_tallies_anew")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Block",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.BinaryField()),
            ],
        ),
        migrations.RunSQL(ONCE, ONCE_REVERSE),
    ]
