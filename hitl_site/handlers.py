"""How a request gets from the server's event loop to our synchronous code."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneHop(ASGIHandler):
    """Django's handler, with all of a request's middleware and its view in one hop to the request's thread.

    The stock handler hops there and back for each middleware and each of their hooks, which costs more than
    what they do. An async view still works: it has the thread to itself while it waits.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain that WSGI has."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Run that chain in the request's thread."""
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
