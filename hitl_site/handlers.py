"""How a request gets from the server's event loop to our synchronous code."""

from __future__ import annotations

from asgiref.sync import SyncToAsync, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from approvals.api import waiting
from approvals.api.waiting import Later


class OneHop(ASGIHandler):
    """Django's handler, with all of a request's middleware and its view in one hop to the request's thread.

    The stock handler hops there and back for each middleware and each of their hooks, which costs more than
    what they do. An async view still works: it has the thread to itself while it waits. A view that answers
    `Later` is asked again, in a thread of its own each time, and none is held between.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain that WSGI has."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Run that chain in the request's thread; while the answer may get better, wait and run it again."""
        response = await self._look(request)
        return await self._wait(request, response) if isinstance(response, Later) else response

    async def _wait(self, request: HttpRequest, seen: Later) -> HttpResponseBase:
        async with seen.listening() as news:
            while True:
                is_called = await seen.wait(news)
                response = await self._look(request, is_called=is_called)
                if not isinstance(response, Later):
                    return response

    async def _look(self, request: HttpRequest, *, is_called: bool = False) -> HttpResponseBase:
        if not waiting.wants_to_wait(request):
            return await sync_to_async(self.get_response, thread_sensitive=True)(request)
        async with waiting.turn(request, is_called=is_called):
            response: HttpResponseBase = await sync_to_async(self._looked, thread_sensitive=True)(request)
        if isinstance(response, Later):
            _let_thread_go()
        return response

    def _looked(self, request: HttpRequest) -> HttpResponseBase:
        """The answer, with the connection given back while it is still this request's turn."""
        try:
            return self.get_response(request)
        finally:
            close_old_connections()


def _let_thread_go() -> None:
    """End the request's own thread, as the end of the request would; the next hop makes another."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.pop(context, None) if context else None
    if executor is not None:
        executor.shutdown(wait=False)
