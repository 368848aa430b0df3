"""A move in the ledger by a worker that lost its run is refused under the same name as every other write of it.

Under the one it had, nobody could tell it from an outage.
"""

from __future__ import annotations

import importlib
from typing import ClassVar

from django.db import migrations

BEFORE: str = importlib.import_module("agents.migrations.0006_effect_guard").GUARD.partition("CREATE TRIGGER")[0]
RAISED = "RAISE EXCEPTION 'the lease on the run is not the latest' USING ERRCODE = 'object_not_in_prerequisite_state';"


def _again(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("agents", "0010_frozen")]

    operations: ClassVar = [
        migrations.RunSQL(
            _again(BEFORE).replace(RAISED, "PERFORM agents_refuse(NEW.thread_id);"),
            _again(BEFORE),
        )
    ]
