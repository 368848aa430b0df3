"""Doing what the steps say: once with an event loop, once without."""

from __future__ import annotations

import asyncio
import time
from typing import Any, TypeVar

import httpx

from .errors import Unusable
from .steps import Act, Call, Pause, Reply, Steps

T = TypeVar("T")

#: A request that does not wait is answered within this.
USUAL_SECONDS = 30.0


def options(base_url: str, token: str) -> dict[str, Any]:
    """What either of httpx's clients is made with."""
    return {
        "base_url": f"{base_url.rstrip('/')}/api/v1/",
        "headers": {"Authorization": f"Bearer {token}"} if token else {},
        "timeout": USUAL_SECONDS,
    }


def run(work: Steps[T], client: httpx.Client) -> T:
    """To the end, in this thread."""
    said, raised = None, None
    while True:
        try:
            step = work.throw(raised) if raised else work.send(said)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        said, raised = None, None
        try:
            said = _do(step, client)
        except BaseException as error:
            raised = error


async def run_async(work: Steps[T], client: httpx.AsyncClient) -> T:
    """To the end, in this task."""
    said, raised = None, None
    while True:
        try:
            step = work.throw(raised) if raised else work.send(said)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        said, raised = None, None
        try:
            said = await _do_async(step, client)
        except BaseException as error:
            raised = error


def _do(step: Call | Pause | Act, client: httpx.Client) -> Any:
    match step:
        case Pause():
            time.sleep(step.seconds)
        case Act():
            return step.call()
        case Call():
            try:
                return _reply(client.request(step.method, step.path, **_arguments(step)))
            except httpx.TransportError as error:
                return _nothing(error)


async def _do_async(step: Call | Pause | Act, client: httpx.AsyncClient) -> Any:
    match step:
        case Pause():
            await asyncio.sleep(step.seconds)
        case Act():
            return await step.call()
        case Call():
            try:
                return _reply(await client.request(step.method, step.path, **_arguments(step)))
            except httpx.TransportError as error:
                return _nothing(error)


def _arguments(call: Call) -> dict[str, Any]:
    timeout = httpx.Timeout(USUAL_SECONDS, read=USUAL_SECONDS + call.wait)
    told: dict[str, Any] = {"params": dict(call.query), "headers": dict(call.headers), "timeout": timeout}
    return told if call.body is None else told | {"json": call.body}


def _reply(response: httpx.Response) -> Reply:
    try:
        body = response.json()
    except ValueError:
        body = None
    return Reply(status=response.status_code, body=body, headers=response.headers)


def _nothing(error: httpx.TransportError) -> Reply:
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        # Never sent, however often it is tried; and the error repeats the token.
        raise Unusable("This request cannot be sent as it is.") from None
    return Reply(status=0, why=str(error) or type(error).__name__)
