"""Where a page's live updates begin."""

from __future__ import annotations

from django import template

from approvals.live import fragments

register = template.Library()


@register.simple_tag
def live_since() -> int:
    """An audit entry that this page surely shows, from which its socket has to go on."""
    return fragments.settled()
