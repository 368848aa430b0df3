"""Runs in the Django admin, read-only."""

from __future__ import annotations

from django.contrib import admin

from agents.models import Run
from approvals.admin import ReadOnly


@admin.register(Run)
class RunAdmin(ReadOnly, admin.ModelAdmin):
    """Every run, read-only: a run is driven by commands and tickets."""

    list_display = ("thread_id", "graph", "requester", "status", "created_at", "ended_at")
    list_filter = ("status", "graph")
    search_fields = ("thread_id",)
