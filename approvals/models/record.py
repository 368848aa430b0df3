"""The record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now


@dataclass(frozen=True, kw_only=True)
class ChainHead:
    """Where a stream of entries ends, and when that was read."""

    at: datetime
    seq: int
    hash: bytes


class AuditEntry(models.Model):
    """One fact, hash-chained within its stream. Written once; the database refuses any change."""

    ticket = models.ForeignKey(
        "approvals.Ticket", null=True, blank=True, on_delete=models.PROTECT, related_name="audit_entries"
    )
    stream = models.CharField(max_length=160)
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=60)
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(db_default=Now())
    body = models.BinaryField()
    prev = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "audit entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("stream", "seq"), name="audit_once_per_seq"),
        ]
        indexes: ClassVar = [models.Index(fields=("ticket", "id"), name="audit_ticket_idx")]

    def __str__(self) -> str:
        return f"{self.stream} {self.seq}: {self.type}"
