"""What administrators say about actions."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from approvals.states import Risk


class ActionCard(models.Model):
    """How an action is shown and how much of a risk it is, over what its own tool and graph say."""

    position = models.PositiveIntegerField(default=100, help_text="Cards are tried from the lowest up; one is used.")
    graph = models.CharField(max_length=200, default="*", help_text="Glob on the graph's name.")
    action = models.CharField(max_length=200, help_text="Glob on the action's name.")
    title = models.CharField(
        max_length=200,
        blank=True,
        help_text="What it will do, with the arguments in braces: Transfer {amount} to {customer.name}",
    )
    salient = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="The arguments to look at first, separated by commas.",
    )
    reversible = models.BooleanField(null=True, blank=True, help_text="Can it be undone?")
    undo = models.CharField(max_length=500, blank=True, help_text="How it is undone.")
    environment = models.CharField(max_length=100, blank=True, help_text="What it touches, such as production.")
    risk = models.CharField(
        max_length=10,
        choices=Risk.choices,
        blank=True,
        help_text="What a condition reads as risk. Empty: what the tool and its graph say, and medium at least.",
    )

    class Meta:
        ordering = ("position", "id")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(risk__in=["", *Risk.values]), name="card_known_risk"),
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.graph}"
