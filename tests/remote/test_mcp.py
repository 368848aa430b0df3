"""The Model Context Protocol: the real client, over both ways, against a served Countersign."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from uvicorn.server import ServerState

from agents.remote import mcp_http, mcp_server
from agents.remote.client import AsyncCountersign
from approvals import tokens
from approvals.models import Ticket
from tests.factories import decide

HOME = Path(__file__).parents[2]
BOTH = "application/json, text/event-stream"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
MAIL = {"to": "a@example.com", "subject": "Hi", "body": "x"}


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}


@pytest.fixture
def stdio(live_server: Any, secret: str, mail: Any) -> Any:
    """How a client starts it as a process of its own."""
    command = ["manage.py", "mcp", "--url", live_server.url]
    told = StdioServerParameters(
        command=sys.executable, args=command, cwd=HOME, env=environment(COUNTERSIGN_TOKEN=secret)
    )
    return stdio_client(told)


def text(answer: Any) -> str:
    return str(answer.content[0].text)


async def ask(client: Client, **fields: Any) -> dict[str, Any]:
    return await call(client, "request_approval", action="send_email", args=MAIL, **fields)


async def call(client: Client, tool: str, **args: Any) -> dict[str, Any]:
    answer = await client.call_tool(tool, args)
    assert not answer.is_error, answer.content
    return dict(answer.structured_content or {})


@sync_to_async
def say(ticket_id: int, reviewer: Any, type: str, **fields: Any) -> None:
    decide(Ticket.objects.get(pk=ticket_id), reviewer, type, **fields)


@sync_to_async
def revoke(secret: str) -> None:
    tokens.revoke(tokens.find(secret).pk, actor=None)


@sync_to_async
def execution(ticket_id: int) -> tuple[str, Any]:
    found = Ticket.objects.get(pk=ticket_id)
    return found.execution, found.result


async def test_a_client_asks_is_told_once_that_it_may_act_and_says_what_came_of_it(stdio: Any, alice: Any) -> None:
    async with Client(stdio) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {"request_approval", "get_decision", "report_outcome"}
        asked = await ask(client, idempotency_key="one")
        assert (await ask(client, idempotency_key="one"))["ticket"] == asked["ticket"]
        ticket = asked["ticket"]
        waiting = await call(client, "get_decision", ticket=ticket, wait_seconds=0)
        assert (waiting["decided"], waiting["may_act"], waiting["args"]) == (False, False, None)
        await say(ticket, alice, "edit", args=MAIL | {"subject": "Hello"})
        told = await call(client, "get_decision", ticket=ticket)
        assert told["may_act"] and told["args"]["subject"] == "Hello"
        again = await call(client, "get_decision", ticket=ticket)
        assert not again["may_act"] and again["args"] is None
        await call(client, "report_outcome", ticket=ticket, state="succeeded", result="sent")
        assert await execution(ticket) == ("succeeded", "sent")
        refused = (await ask(client, idempotency_key="two"))["ticket"]
        await say(refused, alice, "reject", message="not today")
        told = await call(client, "get_decision", ticket=refused)
        assert (told["state"], told["may_act"], told["message"]) == ("rejected", False, "not today")
        wrong = await client.call_tool("get_decision", {"ticket": 10**9})
        assert wrong.is_error and "not_found" in str(wrong.content)


class Overtaken(AsyncCountersign):
    """Reads a ticket a moment before people take it back, edit it and approve it again."""

    async def ticket(self, ticket_id: int) -> Any:
        found = await super().ticket(ticket_id)
        found.facts["args"] = MAIL
        return found


async def test_who_may_act_is_given_the_arguments_that_were_taken_not_those_that_were_read(
    countersign: Any, secret: str, alice: Any, monkeypatch: Any
) -> None:
    ticket = await sync_to_async(countersign.request)("send_email", MAIL)
    await say(ticket.id, alice, "edit", args=MAIL | {"subject": "Hello"})
    monkeypatch.setattr(mcp_server, "AsyncCountersign", Overtaken)
    tools = mcp_server.Tools(base_url=countersign.base_url, token=secret)
    told = await tools.get_decision(SimpleNamespace(headers={}), ticket.id, 0)
    assert told["may_act"] and told["args"]["subject"] == "Hello"


@pytest.fixture
def served(live_server: Any, secret: str, mail: Any) -> Iterator[str]:
    """Over HTTP, without a token of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "manage.py", "mcp", "--url", live_server.url, "--http", where]
    told = environment()
    told.pop("COUNTERSIGN_TOKEN", None)
    process = subprocess.Popen(command, cwd=HOME, env=told, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", int(where.rpartition(":")[2])), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield f"http://{where}/mcp"
    process.terminate()
    process.wait(20)


async def test_over_http_each_client_brings_a_token_that_lives_and_nobody_else_is_served(
    served: str, secret: str, alice: Any
) -> None:
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {secret}"}) as http:
        async with Client(streamable_http_client(served, http_client=http)) as client:
            asked = await ask(client)
            assert (await call(client, "get_decision", ticket=asked["ticket"], wait_seconds=0))["state"] == "pending"
            nameless = await client.call_tool("request_approval", {"args": MAIL})
            assert nameless.is_error and text(nameless) == "“action” is missing."
        streams = await http.get(served, timeout=5)
        assert (streams.status_code, streams.headers["allow"]) == (405, "POST")
        for wrong in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            answer = await http.post(served, headers={"Accept": BOTH, **wrong}, json=HELLO, timeout=5)
            assert answer.status_code in {421, 403}
        await revoke(secret)
        assert (await http.post(served, headers={"Accept": BOTH}, json=HELLO, timeout=5)).status_code == 401


async def test_over_http_a_stranger_is_refused_at_once_and_keeps_no_connection(served: str) -> None:
    async with httpx2.AsyncClient() as http:
        for method in ("GET", "POST", "DELETE"):
            for sent in ({}, {"Authorization": "Bearer cs_nobody"}):
                refused = await http.request(method, served, headers=sent, json=HELLO, timeout=5)
                assert refused.status_code == 401 and refused.json()["code"] == "invalid_token"
                assert refused.headers["content-type"] == "application/problem+json"
                assert refused.headers["www-authenticate"].startswith("Bearer")
                assert refused.headers["connection"] == "close"


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError


async def test_whoever_connects_and_sends_no_request_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_http, "REQUEST_SECONDS", 0.05)
    config = uvicorn.Config(nobody, http=mcp_http.Brisk)
    config.load()
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: mcp_http.Brisk(config, state, {}), "127.0.0.1", 0)
    async with server, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"POST /mcp HTTP/1.1\r\n")
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        pytest.param("", "COUNTERSIGN_TOKEN is not set", id="none"),
        pytest.param("bad", "COUNTERSIGN_TOKEN is no token that lives", id="one that nobody knows"),
    ],
)
def test_without_a_token_that_lives_it_does_not_start(
    live_server: Any, monkeypatch: pytest.MonkeyPatch, token: str, sentence: str
) -> None:
    monkeypatch.setenv("COUNTERSIGN_TOKEN", token)
    with pytest.raises(CommandError, match=sentence) as ended:
        call_command("mcp", "--url", live_server.url)
    assert ended.value.returncode == 2


def test_with_a_token_that_cannot_be_sent_it_does_not_start(monkeypatch: Any) -> None:
    monkeypatch.setenv("COUNTERSIGN_TOKEN", "cs_x\n")
    with pytest.raises(CommandError, match="one word"):
        call_command("mcp", url="http://127.0.0.1:9")
