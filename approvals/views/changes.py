"""What an open page has missed."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from approvals.live import fragments

MOST_DIGITS = 18  # what a bigint holds


@require_GET
@never_cache
def changes(request: HttpRequest) -> HttpResponse:
    """The same fragments the socket sends, for everything after the audit entry `since`."""
    since = request.GET.get("since", "")
    if not (since.isascii() and since.isdigit() and len(since) <= MOST_DIGITS):
        return HttpResponse("since must be the number of an audit entry.", status=400, content_type="text/plain")
    return HttpResponse(fragments.changes_since(request.user, int(since)))
