"""Secrets are recognised by the names of fields and by how they look; everything else stays as it is."""

from __future__ import annotations

import time

import pytest

from approvals import redaction
from approvals.redaction import REDACTED


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "apiKey", "API_KEY", "api-key", "accessToken", "client_secret", "Authorization", "pin"],
)
def test_a_field_with_such_a_name_is_redacted(name: str) -> None:
    assert redaction.redacted({"to": "ana", "with": [{name: "hunter2"}]}) == {"to": "ana", "with": [{name: REDACTED}]}


@pytest.mark.parametrize(
    "name", ["amount", "tokens", "max_tokens", "passenger", "author", "pinned", "secretary", "keyboard"]
)
def test_a_field_with_another_name_is_not(name: str) -> None:
    assert redaction.redacted({name: "hunter2"}) == {name: "hunter2"}


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 18,
        "xoxb-" + "1234567890-abcdef",
        "sk-" + "a1b2" * 8,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIB",
    ],
)
def test_what_looks_like_a_secret_is_redacted_in_any_field(secret: str) -> None:
    assert redaction.redacted({"body": f"Use {secret} please"})["body"].startswith(f"Use {REDACTED}")


def test_what_stands_beside_a_secret_stays() -> None:
    told = "curl -H 'Authorization: Bearer abcdefgh12345' https://ana:hunter2@example.com/x"
    assert redaction.text(told) == f"curl -H 'Authorization: Bearer {REDACTED}' https://{REDACTED}@example.com/x"


def test_flags_numbers_and_nothing_stay() -> None:
    value = {"password": None, "token": True, "api_key": "", "amount": 250, "note": "no secret"}
    assert redaction.redacted(value) == value


def test_a_long_hostile_text_is_looked_through_quickly() -> None:
    began = time.perf_counter()
    redaction.text("eyJ" * 100_000 + "-----BEGIN PRIVATE KEY-----" * 10_000 + "://a:" * 50_000)
    assert time.perf_counter() - began < 5
