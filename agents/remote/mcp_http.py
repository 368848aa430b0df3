"""The Model Context Protocol over HTTP: nothing is served, or held open, before the token was looked at.

Each request stands for itself and is asked about at Countersign, so a token that was revoked is refused at its next
call and there are no sessions that somebody could fill up. The server says nothing unasked: it has no stream to open.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus

import httpx
import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .credentials import State, bearer, state_of

#: Whoever connects sends a request within this, or is let go.
REQUEST_SECONDS = 10.0
#: As much as the API takes.
MOST_BYTES = 1024 * 1024
#: Connections at once; one more is answered 503.
MOST_CONNECTIONS = 200

_REFUSALS = {
    HTTPStatus.UNAUTHORIZED: ("invalid_token", "Send a token that lives, as “Authorization: Bearer cs_…”."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This server keeps no stream open: send POST."),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "unreachable",
        "Countersign does not answer just now; try again soon.",
    ),
}


class Door:
    """What stands before the protocol: 401 for whoever sends no token that lives."""

    def __init__(self, app: ASGIApp, *, base_url: str) -> None:
        self._app, self._base_url = app, base_url
        self._trust = httpx.create_ssl_context()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it before anything of its body was read."""
        refusal = await self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        token = bearer(Headers(scope=scope))
        found = await state_of(token, base_url=self._base_url, verify=self._trust)
        if found is State.DEAD:
            told = 'Bearer error="invalid_token"' if token else "Bearer"
            return _refused(HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": told})
        if found is State.AWAY:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"})
        if scope["method"] != "POST":
            return _refused(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})
        return None


class Brisk(H11Protocol):
    """A connection that brings no request in time is closed: uvicorn waits for the first one as long as it takes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to count."""
        super().connection_made(transport)
        self.loop.call_later(REQUEST_SECONDS, self._let_go)

    def _let_go(self) -> None:
        if self.cycle is None:
            self.transport.close()  # type: ignore[unreachable]  # uvicorn declares it as always there


def serve(mcp: MCPServer, *, base_url: str, host: str, port: int, names: list[str]) -> None:
    """Serve at /mcp until a signal comes, under these names alone and for no page from elsewhere."""
    app = mcp.streamable_http_app(
        stateless_http=True, max_request_body_size=MOST_BYTES, transport_security=_only_as([host, *names])
    )
    config = uvicorn.Config(
        Door(app, base_url=base_url),
        host=host,
        port=port,
        log_level="warning",
        http=Brisk,
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    uvicorn.Server(config).run()


def _only_as(names: list[str]) -> TransportSecuritySettings:
    """A page of somebody else's may have its own name lead here (DNS rebinding): it gets nothing."""
    origins = [f"{scheme}://{name}" for name in names for scheme in ("http", "https")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection="*" not in names,
        allowed_hosts=[said for name in names for said in (name, f"{name}:*")],
        allowed_origins=[said for origin in origins for said in (origin, f"{origin}:*")],
    )


def _refused(status: HTTPStatus, headers: Mapping[str, str]) -> Response:
    """As the API says it; whoever was refused keeps no connection."""
    code, detail = _REFUSALS[status]
    body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "code": code}
    kept = {**headers, "Connection": "close"}
    return Response(json.dumps(body), status, kept, media_type="application/problem+json")
