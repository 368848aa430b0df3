"""Who somebody is elsewhere: linked by administrators alone."""

from __future__ import annotations

from django.contrib import admin

from approvals.models import LinkedAccount


@admin.register(LinkedAccount)
class LinkedAccountAdmin(admin.ModelAdmin):
    """Whose word a message from outside is."""

    list_display = ("account", "channel", "user")
    list_filter = ("channel",)
    list_select_related = ("user",)
    search_fields = ("account", "user__username")
    autocomplete_fields = ("user",)
