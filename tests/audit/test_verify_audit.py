"""`verify_audit` on a real record: whole, and after somebody with every right on the database was at it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from approvals import audit
from approvals.audit import blocks, heads, keys, sealing
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
    ("changed", 1, "UPDATE approvals_auditentry SET at = 'infinity'"),
    ("changed", 1, "UPDATE approvals_auditentry SET at = '4000-01-01 BC'"),
    ("changed", 1, "UPDATE approvals_auditentry SET type = 'ticket.approved'"),
    ("changed", 1, "UPDATE approvals_auditentry SET ticket_id = (SELECT max(id) FROM approvals_ticket)"),
    ("changed", 1, "UPDATE approvals_auditentry SET ticket_id = NULL"),
    ("changed", 1, "UPDATE approvals_auditentry SET actor_id = (SELECT max(id) FROM auth_user)"),
    ("changed", 1, "UPDATE approvals_auditentry SET actor_id = NULL"),
    ("changed", 1, "UPDATE approvals_auditentry SET hash = sha256(hash)"),
    ("moved", 1, "UPDATE approvals_auditentry SET stream = 'system/other', ticket_id = NULL"),
    ("missing", 1, "DELETE FROM approvals_auditentry"),
    ("payload", 1, 'UPDATE approvals_payload SET body = \'{"message":"Yes."}\''),
    ("payload", 1, "DELETE FROM approvals_payload"),
    ("moved", 1, "DELETE FROM approvals_leaf"),
    ("moved", 1, "UPDATE approvals_leaf SET entry_id = 987654321"),
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


@pytest.mark.parametrize(("place", "number"), [(1, 987654321), (2, -1)])
def test_an_entry_that_was_given_another_number_is_found(
    place: int, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with unguarded() as superuser:
        changed = nth(place).pk
        superuser.execute("UPDATE approvals_auditentry SET id = %s WHERE id = %s", [number, changed])
        for table in ("leaf", "payload"):
            superuser.execute(f"UPDATE approvals_{table} SET entry_id = %s WHERE entry_id = %s", [number, changed])
    report = verified(capsys)
    assert (report["first"]["kind"], report["damages"]) == ("moved", 1)
    assert report["first"]["leaf"] in {place, place - 1}


def both(capsys: pytest.CaptureFixture[str], path: Path) -> list[tuple[str, int, int]]:
    """What is first said of the database, and of its export."""
    call_command("export_audit", "--output", str(path))
    found = [verified(capsys)["first"], verified(capsys, "--export", str(path))["first"]]
    return [(first["kind"], first["leaf"], first["until"]) for first in found]


SWAP = "UPDATE approvals_leaf SET number = CASE number WHEN 2 THEN -3 ELSE -2 END WHERE number IN (2, 3)"


def test_two_places_that_were_swapped_are_called_the_same_in_the_database_and_in_its_export(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with unguarded() as superuser:
        superuser.execute(SWAP)
        superuser.execute("UPDATE approvals_leaf SET number = -number WHERE number < 0")
    assert both(capsys, tmp_path / "all") == [("rewritten", 0, 5)] * 2


def test_an_end_of_a_stream_that_was_written_anew_is_called_the_same_in_both(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with unguarded() as superuser:
        superuser.execute(REWRITE)
    assert both(capsys, tmp_path / "all") == [("rewritten", 6, 6)] * 2


REWRITE = """
UPDATE approvals_auditentry SET body = replace(convert_from(body, 'UTF8'), '"revision":1', '"revision":2')::bytea
    WHERE id = (SELECT entry_id FROM approvals_leaf WHERE number = 6);
UPDATE approvals_auditentry SET hash = sha256('\\x00'::bytea || prev || body)
    WHERE id = (SELECT entry_id FROM approvals_leaf WHERE number = 6);
UPDATE approvals_leaf SET hash = entry.hash FROM approvals_auditentry AS entry WHERE entry.id = entry_id
"""


def test_a_forged_seal_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    with unguarded() as superuser:
        superuser.execute("UPDATE approvals_seal SET note = replace(note, E'\\n7\\n', E'\\n6\\n') WHERE size = 7")
    assert verified(capsys)["first"]["kind"] == "forged seal"


@pytest.mark.parametrize(
    "change",
    [
        "root = sha256(root)",
        "edge = sha256(edge) || substr(edge, 33)",
        "edge = ''",
        "at = at - interval '1 day'",
        "at = 'infinity'",
    ],
)
def test_what_stands_beside_the_note_of_a_seal_is_held_against_it(
    change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with unguarded() as superuser:
        superuser.execute(f"UPDATE approvals_seal SET {change} WHERE size = 7")
    assert verified(capsys)["first"]["kind"] == "forged seal"


def test_a_record_without_its_last_seals_is_said_to_be_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    with unguarded() as superuser:
        superuser.execute("DELETE FROM approvals_seal WHERE size = 7")
    first = verified(capsys)["first"]
    assert (first["kind"], first["leaf"], first["until"]) == ("unsealed", 6, 6)


PUT_IN = """
INSERT INTO approvals_auditentry (id, stream, seq, type, actor_name, at, body, prev, hash, xid)
SELECT {id}, 'system/put in', 1, type, actor_name, at,
    replace(convert_from(body, 'UTF8'), stream, 'system/put in')::bytea, prev, '', {xid}
FROM approvals_auditentry WHERE type = 'drill';
UPDATE approvals_auditentry SET hash = sha256('\\x00'::bytea || prev || body) WHERE stream = 'system/put in'
"""


@pytest.mark.parametrize("number", ["987654321", "-1", "-9223372036854775808"])
def test_an_entry_that_pretends_to_be_older_than_the_last_seal_is_found(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with transaction.atomic():
        audit.append("drill", stream="system/drill")
    with unguarded() as superuser:
        superuser.execute(PUT_IN.format(id=number, xid="'4'"))
    sealing.seal()
    first = verified(capsys)["first"]
    assert (first["kind"], first["stream"], first["seq"]) == ("unsealed", "system/put in", 1)


@pytest.mark.parametrize("place", [-1, 10**15])
def test_an_entry_at_a_place_that_nobody_looks_at_is_found(place: int, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction.atomic():
        audit.append("drill", stream="system/drill")
    sealing.seal()
    with unguarded() as superuser:
        superuser.execute(PUT_IN.format(id=987654321, xid="'4'"))
        superuser.execute(
            "INSERT INTO approvals_leaf (number, entry_id, hash) SELECT %s, id, hash FROM approvals_auditentry"
            " WHERE stream = 'system/put in'",
            [place],
        )
    assert not verified(capsys)["ok"]


def test_a_kept_root_that_is_not_of_its_leaves_is_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "SIZE", 2)
    blocks.keep(7)
    assert verified(capsys)["ok"]
    with unguarded() as superuser:
        superuser.execute("UPDATE approvals_block SET root = sha256(root) WHERE number = 1")
    first = verified(capsys)["first"]
    assert (first["kind"], first["leaf"], first["until"]) == ("kept root", 2, 3)


def test_the_head_in_the_data_dir_is_held_against_the_database_by_itself(
    capsys: pytest.CaptureFixture[str], settings: Any, tmp_path: Path
) -> None:
    (tmp_path / heads.FILE).write_text(Seal.objects.get(size=7).note)
    (tmp_path / keys.PUBLIC_FILE).write_text("".join(f"{key}\n" for key in keys.known()))
    settings.DATA_DIR = tmp_path
    assert verified(capsys)["ok"]
    with unguarded() as superuser:
        for name in ("seal", "leaf", "payload", "auditentry"):
            superuser.execute(f"DELETE FROM approvals_{name}")
    first = verified(capsys)["first"]
    assert (first["kind"], first["leaf"], first["until"]) == ("rolled back", 0, 6)


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


def test_an_export_is_not_called_damaged_for_a_head_that_was_signed_later(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    export, head = tmp_path / "export", tmp_path / "head"
    call_command("export_audit")
    export.write_text(capsys.readouterr().out)
    sealing.seal()
    head.write_text(Seal.objects.get(size=8).note)
    with pytest.raises(SystemExit, match="1"):
        call_command("verify_audit", "--export", str(export), "--head", str(head))
    told = capsys.readouterr().out
    assert told.startswith("NOT PROVEN") and "Copy the head first and export then" in told
    export.write_text(export.read_text().replace("unknown_action", "another_action", 1))
    assert verified(capsys, "--export", str(export), "--head", str(head))["first"]["kind"] == "changed"


def test_a_head_that_nobody_here_signed_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "head").write_text("countersign/x\n3\nAAAA\n\n— countersign AAAA\n")
    command = [sys.executable, "-m", "approvals.audit.verify", __file__, "--head", str(tmp_path / "head")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd())
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)


def test_the_stand_alone_verifier_needs_neither_django_nor_a_database() -> None:
    told = "import sys, approvals.audit.verify; sys.exit(any(m in sys.modules for m in ('django', 'psycopg')))"
    assert subprocess.run([sys.executable, "-c", told]).returncode == 0


def test_the_database_cannot_tell_a_record_without_its_seals_and_heads(capsys: pytest.CaptureFixture[str]) -> None:
    """Said in the README: what only a superuser with all there is could do needs a head from elsewhere."""
    with unguarded() as superuser:
        for name in ("seal", "leaf", "payload", "auditentry"):
            superuser.execute(f"DELETE FROM approvals_{name}")
    assert verified(capsys)["ok"]
    assert connection.in_atomic_block
