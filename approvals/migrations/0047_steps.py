"""Deadlines in the same five minutes count as one, so that the risk decides among them.

The indexes are made anew and not only rebuilt: what they hold follows from the function, and a session that knew
them keeps the body it had for them.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

WAITING = models.Q(("state", "pending"))
URGENCY = models.Func(
    "escalations", "deadline_at", "risk", function="approvals_urgency", output_field=models.BigIntegerField()
)
#: The name of each index and what stands in it before the urgency.
INDEXES = {"ticket_urgency_idx": (), **{f"ticket_of_{trait}_idx": (trait,) for trait in ("risk", "graph", "action")}}

SECONDS = "extract(epoch FROM deadline_at - TIMESTAMPTZ '1970-01-01 00:00:00+00')"
DEADLINE = f"LEAST(coalesce({SECONDS} * 1000000, 4e15), 4e15)::bigint"
RISK = "(CASE risk WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END)::bigint"
ESCALATED = "((CASE WHEN escalations > 0 THEN 0 ELSE 1 END)::bigint << 60)"

CHANGED = """
CREATE OR REPLACE FUNCTION approvals_urgency(escalations integer, deadline_at timestamptz, risk text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT {} $$;
"""

# Escalated or not in the highest bit, then the deadline in steps of five minutes (none: the year 2096), then the
# risk, then the microseconds of the deadline within its step.
IN_STEPS = f"{ESCALATED} | (({DEADLINE} / 300000000) << 31) | ({RISK} << 29) | ({DEADLINE} % 300000000)"
AS_BEFORE = f"{ESCALATED} | ({DEADLINE} << 2) | {RISK}"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0046_locked_rows")]

    operations: ClassVar = [
        *(migrations.RemoveIndex(model_name="ticket", name=name) for name in INDEXES),
        migrations.RunSQL(CHANGED.format(IN_STEPS), CHANGED.format(AS_BEFORE)),
        *(
            migrations.AddIndex(
                model_name="ticket",
                index=models.Index(*map(models.F, first), URGENCY, models.F("id"), condition=WAITING, name=name),
            )
            for name, first in INDEXES.items()
        ),
    ]
