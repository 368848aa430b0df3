"""What is around the work: the keys, one's own settings, the first minute, the manifest of the installed page."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_http_methods, require_safe

from approvals import inbox, practice, preferences
from approvals.filters import Filters
from approvals.inbox import Tab
from approvals.preferences import Keys, Theme
from approvals.views.tickets import reader

#: So many of the reader's tickets are offered to begin with.
FIRST = 3


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """All keys, as the `?` sheet shows them."""
    return render(request, "approvals/keys.html", {"page": "keys"})


@require_http_methods(["GET", "HEAD", "POST"])
def personal(request: HttpRequest) -> HttpResponse:
    """The theme and the keys, for this device."""
    if request.method != "POST":
        return render(request, "approvals/settings.html", {"page": "settings", "themes": Theme, "keys": Keys})
    response = redirect("approvals:settings")
    preferences.keep(response, request.POST.dict(), secure=settings.SESSION_COOKIE_SECURE)
    messages.success(request, "Your settings are saved on this device.")
    return response


@require_safe
def welcome(request: HttpRequest) -> HttpResponse:
    """The first minute: something to decide, an agent to start, a graph to connect."""
    waiting = inbox.listing(reader(request), Tab.YOU, filters=Filters()).tickets
    by_risk = {ticket.risk: ticket for ticket in reversed(waiting)}
    first = sorted(by_risk.values(), key=lambda ticket: list(RISKS).index(ticket.risk))[:FIRST]
    context = {"page": "welcome", "first": first, "lessons": practice.LESSONS, "public_url": settings.PUBLIC_URL}
    return render(request, "approvals/welcome.html", context)


#: From the harmless to the grave: the order in which somebody learns.
RISKS = ("low", "medium", "high", "critical")


@login_not_required
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone needs to put the inbox on its home screen."""
    icon = {"src": static("favicon.svg"), "sizes": "any", "type": "image/svg+xml"}
    return JsonResponse(
        {
            "name": "Countersign",
            "short_name": "Countersign",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "icons": [icon],
        },
        content_type="application/manifest+json",
    )
