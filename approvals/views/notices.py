"""A person's own channels: how they are reached while they look at no page."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals.models import NoticeChannel
from approvals.notices import channels, ways
from approvals.states import NoticeKind
from approvals.views.tickets import reader

#: Of one's own: more than these are not read by anybody.
MOST = 10
#: What people who are no administrators are told of.
OFFERED = [(kind.value, kind.label) for kind in NoticeKind if kind not in {NoticeKind.TEST, NoticeKind.STUCK}]
WINDOWS = [(0, "At once"), (300, "Every 5 minutes at most"), (1_800, "Every half hour"), (86_400, "Once a day")]


class ChannelForm(forms.Form):
    """Another way to reach somebody."""

    name = forms.CharField(label="What do you call it?", max_length=80)
    address = forms.CharField(
        label="Address",
        max_length=1_000,
        required=False,
        help_text="Empty: your e-mail address. A chat: as apprise writes it, such as slack://… or tgram://…. It is "
        "not shown again.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    kinds = forms.MultipleChoiceField(
        label="Tell me when",
        choices=OFFERED,
        widget=forms.CheckboxSelectMultiple,
        initial=[NoticeKind.OPENED, NoticeKind.ESCALATED],
    )
    window_seconds = forms.TypedChoiceField(
        label="How often?", choices=WINDOWS, coerce=int, initial=0, help_text="Escalations come at once."
    )
    quiet_from = forms.TimeField(label="Quiet from", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_until = forms.TimeField(
        label="Quiet until",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}),
        help_text="In between only escalations come.",
    )
    zone = forms.CharField(label="Time zone", max_length=60, initial="UTC", help_text="As in Europe/Berlin.")


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """One's channels, what became of the last message, and a form for another."""
    return _page(request, ChannelForm())


@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth brings no types
def create(request: HttpRequest) -> HttpResponse:
    """Add a channel of one's own. Whoever had to show who they are first comes back here by GET, to the form."""
    if request.method != "POST":
        return redirect("approvals:notifications")
    form = ChannelForm(request.POST)
    if form.is_valid() and _add(request, form):
        messages.success(request, "The channel is added. Send a test message to see whether it works.")
        return redirect("approvals:notifications")
    return _page(request, form, status=422)


@require_POST
def remove(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Take one of one's own away."""
    channels.remove(_own(request, channel_id), actor=reader(request))
    messages.success(request, "The channel is gone; nothing is sent there any more.")
    return redirect("approvals:notifications")


@require_POST
def try_out(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Ask a worker for a test message."""
    channels.try_out(_own(request, channel_id), actor=reader(request))
    messages.success(request, "A test message is on its way; this page says if it does not arrive.")
    return redirect("approvals:notifications")


def _add(request: HttpRequest, form: ChannelForm) -> bool:
    me = reader(request)
    if me.notice_channels.count() >= MOST:
        form.add_error(None, f"You have {MOST} channels already; take one away first.")
        return False
    try:
        channels.add(actor=me, person=me, **form.cleaned_data)
    except ValidationError as refusal:
        for name, errors in _by_field(refusal).items():
            form.add_error(name if name in form.fields else None, errors)
        return False
    return True


def _by_field(refusal: ValidationError) -> dict[str, Any]:
    return refusal.message_dict if hasattr(refusal, "error_dict") else {"": refusal.messages}


def _own(request: HttpRequest, channel_id: int) -> NoticeChannel:
    return get_object_or_404(NoticeChannel.objects.select_related("person"), pk=channel_id, person=reader(request))


def _page(request: HttpRequest, form: ChannelForm, *, status: int = 200) -> HttpResponse:
    me = reader(request)
    of_groups = NoticeChannel.objects.filter(group__user=me, enabled=True).select_related("group")
    context = {
        "page": "notifications",
        "form": form,
        "channels": list(me.notice_channels.all()),
        "of_groups": list(of_groups),
        "email": me.email,
        "services": sorted(ways.PUBLIC),
        "kinds": dict(NoticeKind.choices),
    }
    return render(request, "approvals/notifications.html", context, status=status)
