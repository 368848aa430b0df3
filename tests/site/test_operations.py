"""The operator's page: who works, what waits, how far the record is sealed, and where its heads lie."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from agents.models import Worker
from approvals import freezes
from approvals.audit import places, sealing
from approvals.models import AuditEntry, Delivery, Seal, Webhook
from tests import factories


def page(client: Client, person: Any) -> str:
    client.force_login(person)
    return client.get("/admin/operations/").content.decode()


def test_it_is_for_staff(client: Client, alice: Any) -> None:
    client.force_login(alice)
    assert client.get("/admin/operations/").status_code == 302


def test_the_first_page_of_the_admin_leads_there(client: Client, admin: Any) -> None:
    client.force_login(admin)
    assert 'href="/admin/operations/"' in client.get("/admin/").content.decode()


def test_without_a_worker_it_says_what_does_not_happen(client: Client, admin: Any) -> None:
    assert "No worker is alive" in page(client, admin)


def test_a_worker_that_lives_is_listed_and_one_that_ended_is_not(client: Client, admin: Any) -> None:
    Worker.objects.create(name="a", kind="worker", host="one.example", pid=4_711)
    Worker.objects.create(name="b", kind="worker", host="two.example", pid=4_712, ended_at="2026-01-01T00:00Z")
    told = page(client, admin)
    assert "one.example" in told and "two.example" not in told
    assert "No worker is alive" not in told


def test_it_tells_the_last_seal_and_where_heads_lie(client: Client, cast: Any, settings: Any, tmp_path: Any) -> None:
    settings.COUNTERSIGN_HEAD_PLACES = [f"file://{tmp_path}", "syslog+tcp://127.0.0.1:1"]
    factories.open_ticket()
    sealing.seal()
    places.bring()
    told = page(client, cast["admin"])
    assert f"over {Seal.objects.get().size} entries" in told
    assert f"file://{tmp_path}" in told and "Connection refused" in told


@pytest.mark.parametrize("embedded", [True, False])
def test_it_says_which_database_this_is(client: Client, admin: Any, settings: Any, embedded: bool) -> None:
    settings.EMBEDDED_POSTGRES = embedded
    assert ("embedded, in the data dir" in page(client, admin)) is embedded


def test_a_freeze_stands_first(client: Client, admin: Any) -> None:
    freezes.freeze(reason="The database was restored.")
    assert "Nothing is carried out: The database was restored." in page(client, admin)


def test_webhooks_whose_messages_do_not_arrive_are_named_with_the_last_error_and_a_way_to_the_list(
    client: Client, cast: Any
) -> None:
    entry = AuditEntry.objects.filter(ticket=factories.open_ticket()).first()
    for name, state, error in (("Ledger", "failed", "it answered 410"), ("Fine", "sent", ""), ("New", "waiting", "")):
        hook = Webhook.objects.create(name=name, address="https://hooks.example.com/")
        Delivery.objects.create(webhook=hook, entry=entry, state=state, error=error, tried_at=entry.at)
    told = page(client, cast["admin"])
    assert "1 wait, 0 of them to be sent again, 1 given up" in told
    failing = told.partition("Webhooks with messages that did not arrive")[2]
    assert "Ledger" in failing and "it answered 410" in failing and "Fine" not in failing and "New" not in failing
    [way] = re.findall(r'href="(/admin/approvals/delivery/[^"]*webhook[^"]*)"', failing)
    assert "1 delivery" in client.get(way).content.decode()
