"""Where a page's live updates begin."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.contrib.auth.models import User

from approvals import inbox
from approvals.inbox import Tab
from approvals.live import fragments

register = template.Library()


@register.simple_tag
def live_since() -> int:
    """An audit entry that this page surely shows, from which its socket has to go on."""
    return fragments.settled()


@register.simple_tag
def waiting_for(user: User, known: Sequence[int] | str) -> str:
    """The tickets that wait for this reader, by id: what the page counts in its tab. `known` saves a query.

    On a page that does not know them Django hands over an empty string.
    """
    return " ".join(map(str, inbox.ids(user, Tab.YOU) if isinstance(known, str) else known))
