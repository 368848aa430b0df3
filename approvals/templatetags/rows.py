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
    """The row, in its place for this reader, as it leads on from this list."""
    query, is_current = str(context.get("list_query", "")), ticket.pk == context.get("open_id")
    return rows.on_page(rows.of(ticket, reader=context.get("user")), query=query, is_current=is_current)
