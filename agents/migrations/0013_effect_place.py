"""An effect that was begun belongs to one call; which one it is changes only when it is begun anew."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

GUARD = """
CREATE FUNCTION agents_guard_effect_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'which call an effect is changes only when it is begun' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER agents_effect_place BEFORE UPDATE OF place ON agents_effect FOR EACH ROW
    WHEN (NEW.place <> OLD.place AND (NEW.state <> 'started' OR NEW.claim = OLD.claim))
    EXECUTE FUNCTION agents_guard_effect_place();
"""
REVERSE = """
DROP TRIGGER agents_effect_place ON agents_effect;
DROP FUNCTION agents_guard_effect_place();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("agents", "0012_run_lost_by")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="effect",
            name="place",
            field=models.CharField(blank=True, db_default="", default="", max_length=400),
        ),
        migrations.RunSQL(GUARD, REVERSE),
    ]
