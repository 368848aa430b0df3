"""The rules in force, in words, for everybody who signs in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals import drafts, matching, policy_words, rulebook
from approvals.models import Grant, PolicyVersion, Ticket
from approvals.states import Risk
from approvals.views.tickets import reader

#: Where a change came from when no person is named.
SOURCES = {"file": "the policy file", "demo": "the demo", "admin": "the admin"}


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The policies in the order in which they are tried, and what is remembered of approvals the reader may see."""
    visible = Ticket.objects.visible_to(reader(request))
    remembered = Grant.objects.live().filter(ticket__in=visible).select_related("granted_by", "requester", "ticket")
    context = {
        "page": "policies",
        "policies": list(_in_force()),
        "unknown": matching.UNKNOWN_ACTION,
        "strictest": matching.STRICTEST,
        "grants": list(remembered.prefetch_related("ticket__revisions").order_by("expires_at")),
    }
    return render(request, "approvals/policies.html", context)


def _in_force() -> Iterator[dict[str, Any]]:
    versions = {version.name: version for version in PolicyVersion.objects.newest()}
    blank = drafts.new({}).values
    for row in rulebook.rows().filter(enabled=True):
        last = versions.get(row.name)
        about, *says = policy_words.told(drafts.of(row).body, blank=blank)
        yield {
            "row": row,
            "risk": Risk(row.risk),
            "about": about,
            "says": says,
            "last": last if last and last.version == row.version else None,
            "by": (last.by.get_username() if last.by else SOURCES.get(last.source, "")) if last else "",
        }
