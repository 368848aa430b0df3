"""Many tickets decided with one word: who said it, and which were left alone and why."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from approvals.states import DecisionType


class Batch(models.Model):
    """One word on several tickets. Each was judged on its own; its decisions point here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    type = models.CharField(max_length=10, choices=DecisionType.choices)
    #: Ticket id -> the sentence that refused it.
    refused = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(type__in=[DecisionType.APPROVE, DecisionType.REJECT]), name="batch_yes_or_no"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} by {self.reviewer}"
