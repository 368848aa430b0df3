"""What the lists need: capped numbers, and links that narrow them."""

from __future__ import annotations

from typing import Any

from django import template

from approvals import filters, inbox
from approvals.filters import Traits

register = template.Library()

#: What the traits are called where they are offered.
TRAITS = {
    "q": "Words",
    "risk": "Risk",
    "action": "Action",
    "graph": "Graph",
    "group": "Group",
    "requester": "Asked by",
    "state": "State",
    "person": "Person",
    "ticket": "Ticket",
    "kind": "Kind",
    "since": "From",
    "until": "Before",
}


@register.filter
def capped(count: int) -> str:
    """`12`, or `1,000+` where counting stopped."""
    return f"{count:,}" if count <= inbox.MOST else f"{inbox.MOST:,}+"


@register.simple_tag
def narrowed(chosen: Traits, trait: str = "", value: str = "", **more: Any) -> str:
    """The query of this list with one trait set, or without it."""
    chosen = chosen.without(trait) if trait else chosen
    query = chosen.query(**{**more, **({trait: value} if trait else {})})
    return f"?{query}" if query else "?"


@register.filter
def trait(name: str) -> str:
    """`requester` as "Asked by"."""
    return TRAITS[name]


@register.filter
def valued(value: str, name: str) -> str:
    """A trait's value as people read it."""
    return filters.in_words(name, value)
