"""Everybody's tokens: seen here and revoked, never made and never shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from approvals import tokens
from approvals.admin.record import ReadOnly
from approvals.models import Token


@admin.register(Token)
class TokenAdmin(ReadOnly, admin.ModelAdmin):
    """Tokens, read-only but for their end."""

    list_display = ("prefix", "user", "name", "scope", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("scope",)
    search_fields = ("user__username", "name", "prefix")
    list_select_related = ("user",)
    exclude = ("digest",)
    actions = ("revoke",)

    @admin.action(description="Revoke: the next request is refused", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """End the chosen tokens, with an entry each."""
        user: Any = request.user
        ended = sum(tokens.revoke(pk, actor=user) for pk in sorted(queryset.values_list("pk", flat=True)))
        self.message_user(request, f"{ended} revoked.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Nothing else about a token can be changed."""
        return request.user.has_perm("approvals.change_token")
