"""Who is in which group changes outside of us: in the admin, in a shell, by a directory's sync."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class RosterChange(models.Model):
    """A group that somebody joined or left, or whose member was switched on or off. Written by a trigger.

    It commits with the change itself, whoever makes it, and is deleted once the tickets were looked at.
    """

    group_id = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"group {self.group_id}"
