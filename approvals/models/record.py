"""The record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now


@dataclass(frozen=True, kw_only=True)
class ChainHead:
    """Where a stream of entries ends, and when that was read."""

    at: datetime
    seq: int
    hash: bytes


class AuditEntry(models.Model):
    """One fact, hash-chained within its stream. Written once; the database refuses any change.

    The database also keeps, in a column `xid` that is none of Django's, the transaction that wrote it.
    """

    ticket = models.ForeignKey(
        "approvals.Ticket",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="audit_entries",
        db_index=False,  # `audit_ticket_idx` begins with it
    )
    stream = models.CharField(max_length=160)
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=60)
    actor = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )  # `audit_person_idx`
    actor_name = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(db_default=Now())
    body = models.BinaryField()
    prev = models.BinaryField()
    hash = models.BinaryField()
    #: The action of the ticket it is about; the database reads it from the body.
    action = models.GeneratedField(
        expression=Func(F("body"), Value("ticket"), Value("action"), function="approvals_told"),
        output_field=models.TextField(null=True),
        db_persist=True,
        null=True,
    )

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "audit entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("stream", "seq"), name="audit_once_per_seq"),
        ]
        indexes: ClassVar = [
            models.Index(fields=("ticket", "id"), name="audit_ticket_idx"),
            models.Index(fields=("at", "id"), name="audit_time_idx"),
            models.Index(fields=("type", "at", "id"), name="audit_kind_idx"),
            models.Index(fields=("actor", "at", "id"), condition=Q(actor__isnull=False), name="audit_person_idx"),
            models.Index(fields=("action", "at", "id"), condition=Q(action__isnull=False), name="audit_action_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.seq}: {self.type}"

    @property
    def told(self) -> dict[str, Any]:
        """All that the chain says, from the bytes that are hashed."""
        told: dict[str, Any] = json.loads(bytes(self.body))
        return told

    @property
    def facts(self) -> dict[str, Any]:
        """What it says beside who, when and on what: in the chain, and in its payload while that is there."""
        facts: dict[str, Any] = self.told.get("facts", {})
        try:
            return {**facts, **json.loads(bytes(self.payload.body))}
        except ObjectDoesNotExist:
            return facts

    @property
    def is_erased(self) -> bool:
        """Did it have a payload that is gone?"""
        return bool(self.told.get("payload")) and not hasattr(self, "payload")


class Payload(models.Model):
    """What an entry says of people: arguments and words. It can be erased; the chain keeps its salted hash.

    No foreign key in the database: whoever may delete entries there would delete it too, and `verify_audit` looks.
    """

    entry = models.OneToOneField(
        AuditEntry, primary_key=True, on_delete=models.PROTECT, related_name="payload", db_constraint=False
    )
    salt = models.BinaryField()
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"payload of entry {self.pk}"
