"""When nothing may be carried out, and the database as it was last known."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class FreezeQuerySet(models.QuerySet["Freeze"]):
    """Every query has a name."""

    def standing(self) -> FreezeQuerySet:
        """The one that nobody has cleared yet."""
        return self.filter(cleared_at=None)

    def accepted(self, *, size: int, root: bytes) -> FreezeQuerySet:
        """Those about this head that an operator has cleared."""
        return self.filter(cleared_at__isnull=False, head_size=size, head_root=root)


class Freeze(models.Model):
    """From here until an operator clears it no worker is given a run and no answer goes out."""

    reason = models.TextField()
    #: The head that the database had lost.
    head_size = models.BigIntegerField(null=True, blank=True)
    head_root = models.BinaryField(null=True, blank=True)
    frozen_at = models.DateTimeField(db_default=Now())
    cleared_at = models.DateTimeField(null=True, blank=True)
    cleared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    cleared_because = models.TextField(blank=True)

    objects = FreezeQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                models.Value(1, output_field=models.IntegerField()), condition=Q(cleared_at=None), name="freeze_one"
            ),
        ]

    def __str__(self) -> str:
        return self.reason


class Cluster(models.Model):
    """Which Postgres wrote this database last: a copy on another one, or a promoted standby, is not the same."""

    identifier = models.CharField(max_length=40)
    timeline = models.CharField(max_length=8)
    noted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(pk=1), name="cluster_one")]

    def __str__(self) -> str:
        return f"{self.identifier} {self.timeline}"
