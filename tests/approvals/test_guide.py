"""Around the work: keys, settings, the first minute, the manifest."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests import factories


def test_theme_and_keys_are_on_the_first_byte_of_every_page(client: Client, alice: Any) -> None:
    client.force_login(alice)
    assert client.post("/settings/", {"theme": "dark", "keys": "off"}).status_code == 302
    assert '<html lang="en" data-theme="dark" data-keys="off">' in client.get("/").content.decode()
    client.post("/settings/", {"theme": "", "keys": ""})
    assert '<html lang="en" data-theme="" data-keys="">' in client.get("/").content.decode()


@pytest.mark.parametrize("value", ["blue", '"><script>', "\x00"])
def test_a_value_that_nobody_offered_is_none(client: Client, alice: Any, value: str) -> None:
    client.force_login(alice)
    client.post("/settings/", {"theme": value})
    client.cookies["countersign_keys"] = value.replace('"', "").replace("\x00", "")
    assert '<html lang="en" data-theme="" data-keys="">' in client.get("/settings/").content.decode()


@pytest.mark.parametrize("address", ["/settings/", "/help/keys/", "/welcome/"])
def test_the_pages_are_for_those_who_signed_in(client: Client, alice: Any, address: str) -> None:
    assert client.get(address).status_code == 302
    client.force_login(alice)
    assert client.get(address).status_code == 200


def test_the_first_minute_begins_with_the_harmless(client: Client, transfers: Any, alice: Any) -> None:
    factories.make_policy("Mail", action="send_email", risk="low", requirements={"reviewers": 1})
    tickets = [factories.open_ticket(), factories.open_ticket("send_email"), factories.open_ticket("send_email")]
    client.force_login(alice)
    assert client.get("/welcome/").context["first"] == [tickets[1], tickets[0]]


def test_the_first_minute_promises_what_holds(client: Client, alice: Any) -> None:
    client.force_login(alice)
    page = client.get("/welcome/").content.decode()
    assert "export COUNTERSIGN_GRAPHS=" in page  # `run_agent` runs the graph in a process of its own
    assert "everybody who may sign it" in page and "every open inbox" not in page
    assert "It is yours, so somebody else decides" in page and "?wait=60" in page


def test_a_phone_may_read_the_manifest_before_anybody_signed_in(client: Client, db: None) -> None:
    answer = client.get("/manifest.webmanifest")
    assert (answer.headers["Content-Type"], answer.json()["start_url"]) == ("application/manifest+json", "/")
