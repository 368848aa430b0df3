"""Webhooks, and what could not be delivered."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.html import format_html

from approvals.admin.record import ReadOnly
from approvals.models import Delivery, Webhook
from approvals.webhooks import outbound, sending


class WebhookForm(forms.ModelForm):
    """Refuses an address to which nothing would ever be sent."""

    class Meta:
        model = Webhook
        fields = ("name", "address", "graph", "enabled")

    def clean_address(self) -> str:
        """The address. Raises ValidationError, which says what is asked for."""
        address: str = self.cleaned_data["address"]
        if why := outbound.complaint(address):
            raise forms.ValidationError(why)
        return address


@admin.register(Webhook)
class WebhookAdmin(admin.ModelAdmin):
    """Made here; the secret is shown once."""

    form = WebhookForm
    list_display = ("name", "address", "graph", "enabled", "created_at")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Show the secret of a new one to whoever made it, and never again."""
        super().save_model(request, obj, form, change)
        if not change:
            self.message_user(request, format_html("Its secret, shown this once: <code>{}</code>", obj.secret))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin):
    """Each message; the dead letters are those that were given up."""

    list_display = ("id", "webhook", "entry_id", "state", "attempts", "tried_at", "due_at", "error")
    list_filter = ("state", "webhook")
    list_select_related = ("webhook",)
    raw_id_fields = ("entry",)
    actions = ("again",)

    @admin.action(description="Send again what was given up", permissions=["again"])
    def again(self, request: HttpRequest, queryset: Any) -> None:
        """Due at once, with all its tries."""
        sent = sending.again(list(queryset.values_list("pk", flat=True)), actor=cast(User, request.user))
        self.message_user(request, f"{sent} will be sent again.")

    def has_again_permission(self, request: HttpRequest) -> bool:
        """Nothing else about a delivery can be changed."""
        return request.user.has_perm("approvals.change_delivery")
