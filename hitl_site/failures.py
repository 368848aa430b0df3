"""What is said when a request fails: a page of its own, or for htmx one sentence above the page as it stands.

htmx must never put a whole page into the place of a ticket, and what somebody typed there stays.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.views import defaults

from hitl_site import health

TOO_OLD = "This page was open too long; nothing was sent."
UNREADABLE = "This request cannot be read; nothing was changed."
FORBIDDEN = "You may not do this; nothing was changed."
NOT_FOUND = "There is no such thing any more, or you may no longer see it; nothing was changed."
AWAY = (
    "Countersign cannot reach its database just now and comes back by itself as soon as it can. "
    "The page shows then whether your decision was recorded."
)
RETRY_SECONDS = 5
BROKEN = "Something went wrong here, and it has been logged. The page shows whether your decision was recorded."


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token is missing or from before somebody signed in."""
    if _is_htmx(request):
        return _above_the_page(request, TOO_OLD, status=403)
    kept = _words(request.POST) if request.user.is_authenticated else []
    return render(request, "403_csrf.html", {"sentence": TOO_OLD, "kept": kept}, status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return (
        _above_the_page(request, UNREADABLE, status=400)
        if _is_htmx(request)
        else defaults.bad_request(request, exception)
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return (
        _above_the_page(request, FORBIDDEN, status=403)
        if _is_htmx(request)
        else defaults.permission_denied(request, exception)
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return (
        _above_the_page(request, NOT_FOUND, status=404)
        if _is_htmx(request)
        else defaults.page_not_found(request, exception)
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 while the database is away."""
    if health.is_away(sys.exception()):
        return _away(request)
    return _above_the_page(request, BROKEN, status=500) if _is_htmx(request) else defaults.server_error(request)


def _away(request: HttpRequest) -> HttpResponse:
    """Nothing here asks the database: who is reading is not known."""
    if _is_htmx(request):
        response = _above_the_page(request, AWAY, status=503)
    else:
        response = HttpResponse(loader.get_template("503.html").render(), status=503)
        if request.method == "GET":
            response.headers["Refresh"] = str(RETRY_SECONDS)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _above_the_page(request: HttpRequest, sentence: str, *, status: int) -> HttpResponse:
    response = render(request, "_problem.html", {"sentence": sentence}, status=status)
    response.headers["HX-Retarget"] = "#problem"
    response.headers["HX-Reswap"] = "innerHTML show:#problem:top"
    return response


def _words(posted: Mapping[str, str]) -> list[str]:
    """What somebody wrote for others to read; never a password or what the form itself knows."""
    return [text for name, text in posted.items() if text.strip() and (name == "message" or name.startswith("args"))]
