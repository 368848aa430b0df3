"""`verify_audit` on a real record: whole, and after somebody with every right on the database was at it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from approvals.audit import sealing
from approvals.models import AuditEntry, Seal
from tests import factories
from tests.audit.hands import unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def record(cast: Any) -> None:
    """Two tickets with four entries under one seal, then one with two entries under another, then one entry."""
    for _ in range(2):
        factories.decide(factories.open_ticket("unknown_action"), cast["alice"], "reject", message="Not now.")
    sealing.seal()
    factories.open_ticket("unknown_action")
    sealing.seal()
    factories.open_ticket("unknown_action")


def verified(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    try:
        call_command("verify_audit", "--json", *args)
    except SystemExit as error:
        assert error.code == 1
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def nth(place: int) -> AuditEntry:
    return AuditEntry.objects.get(leaf__number=place)


def test_a_record_that_nobody_touched_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    report = verified(capsys)
    assert report["ok"] and report["signatures_checked"]
    assert (report["entries"], report["sealed"], report["seals"], report["streams"]) == (8, 7, 2, 4)


TAMPERED = [
    (
        "changed",
        1,
        "UPDATE approvals_auditentry SET body = replace(convert_from(body, 'UTF8'), 'alice', 'carol')::bytea",
    ),
    ("changed", 1, "UPDATE approvals_auditentry SET actor_name = 'carol'"),
    ("changed", 1, "UPDATE approvals_auditentry SET at = at - interval '1 hour'"),
    ("changed", 1, "UPDATE approvals_auditentry SET type = 'ticket.approved'"),
    ("changed", 1, "UPDATE approvals_auditentry SET ticket_id = (SELECT max(id) FROM approvals_ticket)"),
    ("changed", 1, "UPDATE approvals_auditentry SET hash = sha256(hash)"),
    ("moved", 1, "UPDATE approvals_auditentry SET stream = 'system/other', ticket_id = NULL"),
    ("missing", 1, "DELETE FROM approvals_auditentry"),
    ("payload", 1, 'UPDATE approvals_payload SET body = \'{"message":"Yes."}\''),
    ("payload", 1, "DELETE FROM approvals_payload"),
    ("moved", 1, "DELETE FROM approvals_leaf"),
]


@pytest.mark.parametrize(("kind", "place", "order"), TAMPERED)
def test_whatever_a_superuser_does_to_an_entry_is_found(
    kind: str, place: int, order: str, capsys: pytest.CaptureFixture[str]
) -> None:
    column = {"approvals_auditentry": "id"}.get(order.split()[1 if order.startswith("UPDATE") else 2], "entry_id")
    with unguarded() as superuser:
        superuser.execute(f"{order} WHERE {column} = %s", [nth(place).pk])
    report = verified(capsys)
    assert (report["first"]["kind"], report["first"]["leaf"]) == (kind, place)


def test_a_forged_seal_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    with unguarded() as superuser:
        superuser.execute("UPDATE approvals_seal SET note = replace(note, E'\\n7\\n', E'\\n6\\n') WHERE size = 7")
    assert verified(capsys)["first"]["kind"] == "forged seal"


def test_a_head_that_was_kept_shows_a_record_that_was_rolled_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    head = tmp_path / "head"
    head.write_text(Seal.objects.get(size=7).note)
    assert verified(capsys, "--head", str(head))["ok"]
    with unguarded() as superuser:
        superuser.execute(
            "DELETE FROM approvals_auditentry WHERE id IN (SELECT entry_id FROM approvals_leaf WHERE number > 5)"
        )
        superuser.execute(
            "DELETE FROM approvals_auditentry WHERE NOT EXISTS (SELECT FROM approvals_leaf WHERE entry_id = id)"
        )
        superuser.execute("DELETE FROM approvals_leaf WHERE number > 5")
        superuser.execute("DELETE FROM approvals_seal WHERE size > 6")
    assert verified(capsys)["ok"]
    first = verified(capsys, "--head", str(head))["first"]
    assert (first["kind"], first["leaf"], first["until"]) == ("rolled back", 6, 6)


def test_a_head_that_nobody_here_signed_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "head").write_text("countersign/x\n3\nAAAA\n\n— countersign AAAA\n")
    command = [sys.executable, "-m", "approvals.audit.verify", __file__, "--head", str(tmp_path / "head")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd())
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)


def test_the_stand_alone_verifier_needs_neither_django_nor_a_database() -> None:
    told = "import sys, approvals.audit.verify; sys.exit(any(m in sys.modules for m in ('django', 'psycopg')))"
    assert subprocess.run([sys.executable, "-c", told]).returncode == 0


def test_the_database_cannot_tell_a_record_without_its_seals(capsys: pytest.CaptureFixture[str]) -> None:
    """Said in the README: what only a superuser with all there is could do needs a head from elsewhere."""
    with unguarded() as superuser:
        for name in ("seal", "leaf", "payload", "auditentry"):
            superuser.execute(f"DELETE FROM approvals_{name}")
    assert verified(capsys)["ok"]
    assert connection.in_atomic_block
