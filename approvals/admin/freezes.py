"""Freezes: who stopped everything, why, and who let work go on."""

from __future__ import annotations

from typing import cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from approvals import freezes
from approvals.admin.record import ReadOnly
from approvals.errors import NotFrozen
from approvals.models import Freeze


@admin.register(Freeze)
class FreezeAdmin(ReadOnly, admin.ModelAdmin):
    """Read-only; one action clears the freeze that stands."""

    list_display = ("frozen_at", "reason", "cleared_at", "cleared_by", "cleared_because")
    actions = ("clear",)

    @admin.action(description="I have looked what was done since: let work go on", permissions=["clear"])
    def clear(self, request: HttpRequest, queryset: QuerySet[Freeze]) -> None:
        """Clear what stands, in the name of whoever is signed in."""
        try:
            freezes.clear(reason="Cleared in the admin.", by=cast(User, request.user))
        except NotFrozen as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            self.message_user(request, "Work goes on.")

    def has_clear_permission(self, request: HttpRequest) -> bool:
        """Superusers alone."""
        return bool(request.user.is_active and request.user.is_superuser)
