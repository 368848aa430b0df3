"""What a channel may be, wherever it is made."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.core.exceptions import ValidationError

from approvals.models import NoticeChannel
from approvals.notices import ways


def check(channel: NoticeChannel, *, is_public: bool = False) -> None:
    """Raises ValidationError, by field. `is_public`: only services at a fixed place of their maker's."""
    wrong = {}
    if channel.zone not in available_timezones():
        wrong["zone"] = "There is no such time zone; write one as in Europe/Berlin."
    if not channel.kinds:
        wrong["kinds"] = "Choose what it is to tell of."
    if channel.address and is_public and ways.scheme(channel.address) not in ways.PUBLIC:
        wrong["address"] = f"People may use {', '.join(sorted(ways.PUBLIC))}; an administrator can add any other."
    elif channel.address and not ways.is_known(channel.address):
        wrong["address"] = "This is no address of a service that apprise knows, such as slack://… or mailto://…."
    if wrong:
        raise ValidationError(wrong)
