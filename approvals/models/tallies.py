"""How the tickets of a day ended, counted. Nothing here is a fact of its own: all of it can be counted again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class TalliedDay(models.Model):
    """A day that is over and counted. A trigger takes it away when one of its tickets ends otherwise after all."""

    day = models.DateField(primary_key=True)

    class Meta:
        ordering: ClassVar = ("day",)

    def __str__(self) -> str:
        return f"{self.day}"


class Tally(models.Model):
    """So many tickets of one action, under one version of a policy, ended on this day in one way …: see `tallies`."""

    day = models.DateField()
    action = models.CharField(max_length=200)
    policy = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    what = models.CharField(max_length=10)
    key = models.CharField(max_length=20)
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "tallies"
        indexes: ClassVar = [models.Index(fields=("day",), name="tally_day_idx")]

    def __str__(self) -> str:
        return f"{self.day}: {self.count} {self.what} {self.key}"
