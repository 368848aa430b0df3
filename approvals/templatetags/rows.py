"""A ticket as a row of a list."""

from __future__ import annotations

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from approvals import rows
from approvals.models import Ticket

register = template.Library()


@register.simple_tag(takes_context=True)
def row(context: Context, ticket: Ticket) -> SafeString:
    """The row, in its place for this reader."""
    return rows.drawn(rows.of(ticket, reader=context.get("user")))
