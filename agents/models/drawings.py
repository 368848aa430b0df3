"""What each graph looks like."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from approvals import wording


class GraphDrawing(models.Model):
    """What a graph looks like, kept by whoever loads it: a page never runs anybody's graph."""

    name = models.CharField(max_length=200, unique=True)
    nodes = models.JSONField(default=list)
    #: Source, target and whether the graph decides there.
    edges = models.JSONField(default=list)
    #: What it says it takes: JSON Schema.
    input_schema = models.JSONField(default=dict)
    #: Why it could not be loaded the last time; empty when it could.
    error = models.TextField(blank=True)
    #: Where it broke, for those who can mend it.
    traceback = models.TextField(blank=True)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return wording.visible(self.name)
