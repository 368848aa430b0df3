"""The versions of a policy, append-only like the record."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


def written_once(table: str) -> migrations.RunSQL:
    """The triggers of 0002_guards, for one more table."""
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION approvals_written_once();
        CREATE TRIGGER {table}_not_truncated BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION approvals_written_once();
        """,
        f"""
        DROP TRIGGER {table}_written_once ON {table};
        DROP TRIGGER {table}_not_truncated ON {table};
        """,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0005_answer_schema"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("version", models.PositiveIntegerField()),
                (
                    "change",
                    models.CharField(
                        choices=[
                            ("found", "Found"),
                            ("created", "Made"),
                            ("changed", "Changed"),
                            ("deleted", "Deleted"),
                        ],
                        max_length=10,
                    ),
                ),
                ("body", models.JSONField()),
                ("source", models.CharField(blank=True, max_length=20)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(fields=("name", "version"), name="policy_version_once"),
                    models.CheckConstraint(
                        condition=models.Q(("change__in", ["found", "created", "changed", "deleted"])),
                        name="policy_version_known_change",
                    ),
                ],
            },
        ),
        written_once("approvals_policyversion"),
    ]
