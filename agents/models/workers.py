"""The processes that drive runs."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Worker(models.Model):
    """One process that drives runs, so that others can tell whether it still may act."""

    #: As the lease of a run names its owner: host, process and a mark that no other process gets.
    name = models.CharField(max_length=200, unique=True)
    #: The command it runs.
    kind = models.CharField(max_length=40)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    #: The kernel and the process table that know `pid`; empty where they cannot be told apart.
    machine = models.CharField(max_length=80, blank=True)
    #: When the kernel began it, in ticks since it booted: another process may get the same number later.
    born = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name
