"""What a ticket's page says about its run. Here, because `approvals` knows no runs."""

from __future__ import annotations

from typing import Any

from django import template

from agents.models import Run

register = template.Library()


@register.simple_tag
def run_of(thread_id: str, user: Any) -> Run | None:
    """The run behind a thread, if Countersign drives it and the reader may see it."""
    return Run.objects.visible_to(user).filter(thread_id=thread_id).first()
