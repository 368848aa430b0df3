"""Figures are for this machine, for staff, and for who knows the token."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from hitl_site import environment

FAR = {"REMOTE_ADDR": "10.0.0.9"}


def status(client: Client, *, host: str = "localhost", **more: Any) -> int:
    return client.get("/metrics", headers={"Host": host, **more.pop("headers", {})}, **more).status_code


def test_this_machine_may_read(client: Client, db: None) -> None:
    assert status(client) == 200


def test_another_machine_may_not(client: Client, db: None) -> None:
    answer = client.get("/metrics", **FAR)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP"])
def test_what_a_proxy_here_passes_on_is_not_this_machine(client: Client, db: None, header: str) -> None:
    assert status(client, headers={header: "10.0.0.9"}) == 401


def test_public_name_is_not_this_machine(client: Client, db: None, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["approvals.example.com"]
    assert status(client, host="approvals.example.com") == 401


def test_staff_may_read_and_others_may_not(client: Client, admin: Any, alice: Any) -> None:
    client.force_login(alice)
    assert status(client, **FAR) == 403
    client.force_login(admin)
    assert status(client, **FAR) == 200


@pytest.mark.parametrize(("told", "expected"), [("Bearer " + "t" * 20, 200), ("Bearer t", 401), ("Bearer ü", 401)])
def test_bearer_of_the_token_may_read(client: Client, db: None, settings: Any, told: str, expected: int) -> None:
    settings.COUNTERSIGN_METRICS_TOKEN = "t" * 20
    assert status(client, headers={"Authorization": told}, **FAR) == expected


def test_no_token_is_nobody_s_token(client: Client, db: None) -> None:
    assert status(client, headers={"Authorization": "Bearer "}, **FAR) == 401


def test_token_that_can_be_guessed_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_METRICS_TOKEN", "short")
    with pytest.raises(ImproperlyConfigured, match="COUNTERSIGN_METRICS_TOKEN must have at least 16"):
        environment.secret("COUNTERSIGN_METRICS_TOKEN")
