"""Where a page's live updates begin."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import User

from approvals.live import fragments
from approvals.models import Ticket

register = template.Library()

#: More than a page counts to; see SHOWN in views/inbox.py.
MOST = 500


@register.simple_tag
def live_since() -> int:
    """An audit entry that this page surely shows, from which its socket has to go on."""
    return fragments.settled()


@register.simple_tag
def waiting_for(user: User) -> str:
    """The tickets that wait for this reader, by id: what the page counts in its tab."""
    return " ".join(str(pk) for pk in Ticket.objects.needing(user).values_list("pk", flat=True)[:MOST])
