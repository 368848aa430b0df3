"""Other programs that are told what happens to tickets, and each message to them."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.locked import LockedField
from approvals.models.record import AuditEntry
from approvals.states import DeliveryState


def new_secret() -> str:
    """256 random bits behind a mark that secret scanners find."""
    return f"cswh_{secrets.token_urlsafe(32)}"


class Webhook(models.Model):
    """An address that is told of every change of a ticket."""

    name = models.CharField(max_length=80, unique=True)
    address = models.CharField(
        max_length=500, validators=[URLValidator(schemes=["https"])], help_text="https://…; redirects are not followed."
    )
    #: Messages are signed with it, so unlike a token it has to be kept.
    secret = LockedField(default=new_secret, editable=False)
    graph = models.CharField(max_length=200, blank=True, help_text="Only tickets of this graph; empty: of all.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(address__startswith="https://"), name="webhook_is_https"),
        ]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One entry of the record on its way to one webhook."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    entry = models.ForeignKey(AuditEntry, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    tried_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("webhook", "entry"), name="delivery_once_per_entry"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_known_state"),
        ]
        indexes: ClassVar = [
            models.Index(fields=("due_at",), condition=Q(state=DeliveryState.WAITING), name="delivery_due_idx"),
            models.Index(fields=("tried_at",), condition=Q(state=DeliveryState.SENDING), name="delivery_sending_idx"),
        ]

    def __str__(self) -> str:
        return f"entry {self.entry_id} to {self.webhook_id}"
