"""Channels of groups and people, and what became of each notification."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest

from approvals import vault
from approvals.admin.record import ReadOnly
from approvals.models import Notice, NoticeChannel
from approvals.notices import channels, checks, sending
from approvals.states import NoticeKind

KINDS = [(kind.value, kind.label) for kind in NoticeKind if kind is not NoticeKind.TEST]


class ChannelForm(forms.ModelForm):
    """An address is written here and never shown again."""

    kinds = forms.MultipleChoiceField(choices=KINDS, widget=forms.CheckboxSelectMultiple, label="tells of")
    address = forms.CharField(
        required=False,
        max_length=1_000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "size": 60}),
        help_text="As apprise writes it: slack://…, workflows://…, mailto://…. Empty: the e-mail address of the "
        "person, or of each member of the group. One that is kept is not shown; leave it empty to keep it.",
    )

    class Meta:
        model = NoticeChannel
        fields = (
            "name",
            "group",
            "person",
            "address",
            "kinds",
            "shows_args",
            "window_seconds",
            "quiet_from",
            "quiet_until",
            "zone",
            "enabled",
        )

    def clean_address(self) -> str:
        """What is kept stays where nothing is written."""
        try:
            return str(self.cleaned_data["address"] or (self.instance.pk and self.instance.address) or "")
        except vault.Closed as error:
            raise forms.ValidationError(f"Write it again: {error}") from error

    def clean(self) -> dict[str, Any]:
        """A service that apprise knows."""
        said = super().clean() or {}
        checks.check(
            NoticeChannel(
                address=said.get("address", ""), kinds=said.get("kinds", ["test"]), zone=said.get("zone", "UTC")
            )
        )
        return said


@admin.register(NoticeChannel)
class NoticeChannelAdmin(admin.ModelAdmin):
    """Channels, with what went wrong last."""

    form = ChannelForm
    list_display = ("name", "group", "person", "shown", "enabled", "shows_args", "sent_at", "failed_at", "error")
    list_filter = ("group", "enabled")
    list_select_related = ("group", "person")
    autocomplete_fields = ("person",)
    readonly_fields: ClassVar = ["sent_at", "failed_at", "error"]
    actions = ("try_out",)

    @admin.action(description="Send a test message", permissions=["change"])
    def try_out(self, request: HttpRequest, queryset: Any) -> None:
        """A worker sends it; the channel says what became of it."""
        for channel in queryset.select_related("person"):
            channels.try_out(channel, actor=cast(User, request.user))
        self.message_user(request, "A worker sends a test message; the list says what became of it.")

    @admin.display(description="service")
    def shown(self, channel: NoticeChannel) -> str:
        """Which service, and nothing that opens it."""
        return channel.shown


@admin.register(Notice)
class NoticeAdmin(ReadOnly, admin.ModelAdmin):
    """What people were told, read-only; what was given up can be sent again."""

    list_display = ("id", "kind", "ticket_id", "channel", "person", "state", "attempts", "tried_at", "error")
    list_filter = ("state", "kind", "channel")
    list_select_related = ("channel", "person")
    actions = ("again",)

    @admin.action(description="Send again what was given up or is in doubt", permissions=["again"])
    def again(self, request: HttpRequest, queryset: Any) -> None:
        """Due at once, with all its tries."""
        sent = sending.again(list(queryset.values_list("pk", flat=True)), actor=cast(User, request.user))
        self.message_user(request, f"{sent} will be sent again.")

    def has_again_permission(self, request: HttpRequest) -> bool:
        """Nothing else about a notice can be changed."""
        return request.user.has_perm("approvals.change_notice")
