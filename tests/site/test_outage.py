"""While the database is away pages say so, and what only asks whether this lives does not need it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client

from hitl_site import health

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def away(client: Client, alice: Any) -> Iterator[Client]:
    """Alice's browser, and nothing where the database was."""
    client.force_login(alice)
    client.raise_request_exception = False
    connection.close()
    known = dict(connection.settings_dict)
    connection.settings_dict.update(HOST="/nonexistent", OPTIONS={})
    yield client
    connection.close()
    connection.settings_dict.update(known)


def test_a_page_says_that_it_comes_back_and_does(away: Client) -> None:
    answer = away.get("/")
    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["Refresh"]) == (503, "5", "5")
    assert "cannot reach its database" in answer.content.decode()


def test_htmx_gets_one_sentence_above_the_page(away: Client) -> None:
    answer = away.post("/tickets/7/decisions/", {"type": "approve"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"], answer.headers["Retry-After"]) == (503, "#problem", "5")
    assert "cannot reach its database just now" in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_whoever_asks_whether_it_lives_needs_no_database(away: Client) -> None:
    assert (away.get("/healthz").status_code, away.get("/healthz").content) == (200, b"ok\n")


def test_it_is_not_ready_without_a_database(away: Client) -> None:
    assert away.get("/readyz").status_code == 503


def test_it_is_ready_with_one(client: Client) -> None:
    assert client.get("/readyz").content.splitlines()[0] == b"ready"


def test_a_statement_that_takes_too_long_is_no_outage() -> None:
    with pytest.raises(OperationalError) as found, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1")
        cursor.execute("SELECT pg_sleep(1)")
    assert not health.is_away(found.value)
