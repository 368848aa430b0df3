"""While everything is frozen no worker is given a run, and none begins an effect."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

GUARD = """
CREATE TRIGGER agents_run_frozen BEFORE UPDATE OF lease_token ON agents_run FOR EACH ROW
    WHEN (NEW.lease_token <> OLD.lease_token AND NEW.lease_owner <> '') EXECUTE FUNCTION approvals_refuse_frozen();
CREATE TRIGGER agents_effect_frozen BEFORE UPDATE OF state ON agents_effect FOR EACH ROW
    WHEN (NEW.state = 'started' AND OLD.state <> 'started') EXECUTE FUNCTION approvals_refuse_frozen();
"""
REVERSE = """
DROP TRIGGER agents_effect_frozen ON agents_effect;
DROP TRIGGER agents_run_frozen ON agents_run;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("agents", "0009_drawing_input_schema"), ("approvals", "0027_freezes")]

    operations: ClassVar = [migrations.RunSQL(GUARD, REVERSE)]
