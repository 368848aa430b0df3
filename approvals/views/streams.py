"""Long answers, sent while they are made: nothing of them is held in memory, whichever server sends them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

#: So many lines in one piece.
LINES = 200


def file_of(request: HttpRequest, lines: Iterator[str], *, name: str, kind: str) -> StreamingHttpResponse:
    """The lines as a file to keep."""
    pieces = _pieces(lines)
    response = StreamingHttpResponse(_awaited(pieces) if isinstance(request, ASGIRequest) else pieces)
    response.headers["Content-Type"] = kind
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _pieces(lines: Iterator[str]) -> Iterator[bytes]:
    while piece := "".join(islice(lines, LINES)):
        yield piece.encode()


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Made in the request's own thread, which holds the connection, and closed there if the reader goes away."""
    try:
        while piece := await sync_to_async(_next)(pieces):
            yield piece
    finally:
        await sync_to_async(_close)(pieces)


def _next(pieces: Iterator[bytes]) -> bytes:
    return next(pieces, b"")


def _close(pieces: Iterator[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close:
        close()
