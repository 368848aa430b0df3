"""Ready means that it can serve; what keeps the work from being done is said beside it, and is no reason to go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from agents import checkpoints
from agents.models import Worker
from approvals import freezes
from approvals.models import HeadExport
from hitl_site import health
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def told(client: Client) -> tuple[int, list[str]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.content.decode().splitlines()


@pytest.fixture
def fenced(db: None) -> None:
    checkpoints.setup_sync()


def alive() -> None:
    Worker.objects.create(name="here-1", kind="worker", host="here", pid=1)


def test_all_well_is_one_word(client: Client, fenced: None) -> None:
    alive()
    assert told(client) == (200, ["ready"])


def test_without_a_worker_it_is_degraded(client: Client, fenced: None) -> None:
    status, (ready, why) = told(client)
    assert (status, ready) == (200, "ready")
    assert why.startswith("degraded: no worker")


def test_without_a_fence_it_is_degraded(client: Client, fenced: None) -> None:
    alive()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE checkpoints DISABLE TRIGGER agents_fence")
    try:
        assert "no fence around them" in told(client)[1][1]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE checkpoints ENABLE TRIGGER agents_fence")


def test_entries_that_wait_long_for_a_seal_are_told(client: Client, fenced: None, cast: Any) -> None:
    alive()
    factories.open_ticket("unknown_action")
    with factories.unguarded(), connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_auditentry SET at = at - interval '90 seconds'")
    line = told(client)[1][1]
    assert "without a seal has waited 9" in line and "nobody is notified" in line


def test_a_place_of_heads_that_lacks_the_newest_is_told_without_its_address(
    client: Client, fenced: None, settings: Any, tmp_path: Path
) -> None:
    alive()
    settings.DATA_DIR, settings.COUNTERSIGN_HEAD_PLACES = tmp_path, ["https://heads.example.com/key"]
    HeadExport.objects.create(place="https://heads.example.com/key", size=10**9)
    line = told(client)[1][1]
    assert "not at 1 of COUNTERSIGN_HEAD_PLACES" in line and "example.com" not in line


def test_frozen_is_ready_for_people(client: Client, fenced: None) -> None:
    alive()
    freezes.freeze("The database was restored.")
    assert told(client) == (200, ["ready", "frozen: The database was restored."])


def test_without_a_migration_it_is_not_ready(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", False)
    newest = "SELECT max(name) FROM django_migrations WHERE app = 'approvals'"
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM django_migrations WHERE name = ({newest}) RETURNING name, applied")
        row = cursor.fetchone()
    try:
        assert told(client) == (503, ["Migrations are missing: run `manage.py migrate`."])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('approvals', %s, %s)", row)
