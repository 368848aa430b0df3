"""Channels are made, tried and taken away here, with an entry in the record each."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction

from approvals import audit
from approvals.models import Notice, NoticeChannel
from approvals.notices import checks, records
from approvals.states import NoticeKind

STREAM = records.STREAM


def add(
    *, actor: User | None, person: User | None = None, group: Group | None = None, is_public: bool = True, **fields: Any
) -> NoticeChannel:
    """A new channel. Raises ValidationError. `is_public`: only services at a fixed place of their maker's."""
    channel = NoticeChannel(person=person, group=group, **fields)
    checks.check(channel, is_public=is_public)
    channel.full_clean()
    if person is not None and not channel.is_service and not person.email:
        raise ValidationError({"address": "There is no e-mail address of yours here; an administrator can add it."})
    with transaction.atomic():
        channel.save()
        audit.append("channel.added", stream=STREAM, actor=actor, **_told(channel))
    return channel


def remove(channel: NoticeChannel, *, actor: User | None) -> None:
    """Take a channel away; what waits for it is not sent any more."""
    with transaction.atomic():
        audit.append("channel.removed", stream=STREAM, actor=actor, **_told(channel))
        channel.delete()


def try_out(channel: NoticeChannel, *, actor: User | None) -> Notice:
    """Ask a worker for a test message; the channel says afterwards what became of it."""
    key = f"test/{channel.pk}/{secrets.token_hex(8)}"
    with transaction.atomic():
        made = Notice.objects.create(key=key, kind=NoticeKind.TEST, channel=channel, person=channel.person)
        audit.append("channel.tried", stream=STREAM, actor=actor, **_told(channel))
    return made


def _told(channel: NoticeChannel) -> dict[str, Any]:
    """Never its address: that is a secret."""
    whose = channel.person.get_username() if channel.person else f"group {channel.group}"
    return {"channel": channel.pk, "name": channel.name, "of": whose, "service": channel.shown, "kinds": channel.kinds}
