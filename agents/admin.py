"""Runs in the Django admin, read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from agents.models import Effect, GraphDrawing, Run
from approvals.admin import Hiding, Names, ReadOnly


@admin.register(Run)
class RunAdmin(Hiding, ReadOnly, admin.ModelAdmin):
    """Every run, read-only: a run is driven by commands and tickets."""

    list_display = ("thread_id", "graph", "requester", "status", "created_at", "ended_at")
    list_filter = ("status", ("graph", Names))
    search_fields = ("thread_id",)


@admin.register(Effect)
class EffectAdmin(Hiding, ReadOnly, admin.ModelAdmin):
    """The ledger, read-only: what became of an action in doubt is said on the ticket that asks."""

    list_display = ("action", "ticket", "number", "state", "started_at", "settled_at", "owner")
    list_filter = ("state", ("action", Names))
    search_fields = ("effect_id", "thread_id")
    list_select_related = ("ticket",)
    exclude = ("kept",)


@admin.register(GraphDrawing)
class GraphDrawingAdmin(Hiding, admin.ModelAdmin):
    """What each graph looks like and why it could not be loaded; a row of a graph that is gone is deleted here."""

    list_display = ("name", "error", "seen_at")
    readonly_fields = ("name", "nodes", "edges", "error", "traceback", "seen_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever loads a graph adds it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nor is it changed by hand."""
        return False
