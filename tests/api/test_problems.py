"""Every refusal under /api/ is a problem with a code, Django's own included."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from approvals.models import Token
from tests.api.programs import Program, code_of


def test_an_address_that_is_not_there(agent: Program) -> None:
    assert code_of(agent.get("nothing")) == (404, "not_found")
    assert code_of(Client().get("/api/v2/tickets")) == (404, "not_found")


def test_a_method_that_is_not_taken(agent: Program) -> None:
    refused = agent.client.delete("/api/v1/tickets")
    assert code_of(refused) == (405, "method_not_allowed")
    assert refused.headers["Allow"] == "GET, POST" or set(refused.headers["Allow"].split(", ")) == {"GET", "POST"}


@pytest.mark.parametrize("body", ["", "{", '{"a": NaN}', '{"action": 1, "action": 2}', "[" * 100_000, "\xff"])
def test_a_body_that_is_no_json(agent: Program, body: str) -> None:
    sent = agent.client.post("/api/v1/tickets", body.encode("latin-1"), content_type="application/json")
    assert code_of(sent)[0] in {400, 422}


def test_a_body_of_another_type(agent: Program) -> None:
    sent = agent.client.post("/api/v1/tickets", {"action": "x"})
    assert code_of(sent) == (415, "unsupported_media_type")


def test_another_charset(agent: Program) -> None:
    body = json.dumps({"action": "x", "args": {}})
    sent = agent.client.generic("POST", "/api/v1/tickets", body, content_type="application/json; charset=utf-16")
    assert code_of(sent) == (400, "malformed")


def test_a_host_that_is_not_ours(agent: Program) -> None:
    assert code_of(agent.client.get("/api/v1/tickets", headers={"Host": "evil.example"})) == (400, "malformed")


def test_a_fault_of_our_own(agent: Program, monkeypatch: Any) -> None:
    monkeypatch.setattr("approvals.tokens.count", lambda token: 1 / 0)
    assert code_of(agent.get("tickets")) == (500, "server_error")


def test_a_database_that_is_away(agent: Program, monkeypatch: Any) -> None:
    def away(token: Token) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("approvals.tokens.count", away)
    refused = agent.get("tickets")
    assert code_of(refused) == (503, "database_away")
    assert int(refused.headers["Retry-After"]) > 0


def test_pages_go_on_speaking_html(client: Client, db: None) -> None:
    assert client.get("/nothing/").headers["Content-Type"].startswith("text/html")


def test_a_cookie_opens_nothing(client: Client, alice: Any) -> None:
    client.force_login(alice)
    assert code_of(client.get("/api/v1/tickets")) == (401, "invalid_token")


def test_the_description_is_openapi_3_1(client: Client, db: None) -> None:
    told = client.get("/api/v1/openapi.json").json()
    assert told["openapi"] == "3.1.0"
    refusals = told["paths"]["/api/v1/tickets"]["post"]["responses"]["422"]["content"]
    assert list(refusals) == ["application/problem+json"]
