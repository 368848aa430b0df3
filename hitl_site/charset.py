"""Forms come in UTF-8, as our pages send them."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

KNOWN = {"utf-8", "utf8"}


class Utf8Only:
    """Refuse any other charset: Django would decode with whatever Python codec the sender names."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the request through, or say why not."""
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in KNOWN:
            return HttpResponseBadRequest("Send the form in UTF-8.", content_type="text/plain; charset=utf-8")
        return self.get_response(request)
