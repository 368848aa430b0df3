"""The sealer: every committed entry gets one place in the tree, whatever the order of commits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import transaction

from approvals import audit
from approvals.audit import heads, keys, notes, sealing, tree
from approvals.audit.sealer import Sealer
from approvals.models import AuditEntry, Leaf, Seal
from tests.audit.hands import second_connection, unguarded

pytestmark = pytest.mark.django_db
#: For those where a second connection has to see what is committed.
committed = pytest.mark.django_db(transaction=True)

STREAM = "system/drill"
LATER = """
INSERT INTO approvals_auditentry (stream, seq, type, actor_name, body, prev, hash) VALUES (%s, 1, 'x', '', '', '', %s)
"""


def write(number: int = 1) -> None:
    for _ in range(number):
        with transaction.atomic():
            audit.append("drill", stream=STREAM)


def insert(other: psycopg.Connection[Any], stream: str = "system/slow") -> None:
    other.execute(LATER, [stream, b"\x07" * 32])


def sealed() -> set[int]:
    return set(Leaf.objects.values_list("entry_id", flat=True))


def test_all_that_is_committed_is_sealed_in_one_round() -> None:
    write(3)
    assert sealing.seal() == 3
    head = notes.opened(Seal.objects.get().note, keys.known())
    assert head.root == tree.root_of(bytes(entry.hash) for entry in AuditEntry.objects.order_by("leaf__number"))


def test_a_second_round_seals_only_what_is_new() -> None:
    write(3)
    sealing.seal()
    assert sealing.seal() == 0
    write(2)
    assert sealing.seal() == 2
    assert list(Leaf.objects.order_by("number").values_list("number", flat=True)) == [0, 1, 2, 3, 4]


@committed
def test_what_commits_after_newer_entries_were_sealed_is_not_forgotten() -> None:
    with second_connection() as slow:
        insert(slow)
        write(2)
        assert sealing.seal() == 2
        slow.commit()
    assert sealing.seal() == 1
    assert sealing.seal() == 0
    assert sealed() == set(AuditEntry.objects.values_list("pk", flat=True))


@committed
def test_a_transaction_that_stays_open_holds_up_nobody_elses_entries() -> None:
    with second_connection() as slow:
        insert(slow)
        for _ in range(3):
            write()
            assert sealing.seal() == 1
        slow.commit()
    assert sealing.seal() == 1


@committed
def test_one_sealer_at_a_time() -> None:
    write()
    with second_connection() as other:
        other.execute(sealing._TURN)
        assert sealing.seal() == 0
    assert sealing.seal() == 1


def test_many_entries_get_a_seal_for_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "MOST", 2)
    monkeypatch.setattr(sealing, "BATCH", 4)
    write(9)
    assert sealing.seal() == 9
    assert list(Seal.objects.values_list("size", flat=True)) == [2, 4, 6, 8, 9]
    write()
    assert sealing.seal() == 1


def test_a_database_restored_from_a_dump_goes_on_sealing() -> None:
    write(2)
    sealing.seal()
    write(2)
    with unguarded() as superuser:  # another cluster counts its transactions from its own beginning
        superuser.execute("UPDATE approvals_auditentry SET xid = (xid::text::bigint + 1000000)::text::xid8")
        superuser.execute("UPDATE approvals_seal SET cluster = 'elsewhere', horizon = horizon + 1000000")
    assert sealing.seal() == 2
    write()
    assert sealing.seal() == 1
    assert sealed() == set(AuditEntry.objects.values_list("pk", flat=True))


def test_the_lag_is_the_age_of_the_oldest_entry_without_a_seal() -> None:
    write()
    assert sealing.lag() > timedelta()
    sealing.seal()
    assert sealing.lag() == timedelta()


def test_without_a_key_nothing_is_sealed(settings: Any, tmp_path: Any) -> None:
    write()
    settings.COUNTERSIGN_SEAL_KEY = tmp_path / "gone"
    with pytest.raises(OSError):
        sealing.seal()
    assert not Leaf.objects.exists()


@pytest.mark.parametrize("change", ["edge = sha256(edge)", "edge = ''", "note = replace(note, E'\\n3\\n', E'\\n2\\n')"])
def test_nothing_is_built_on_a_seal_that_was_changed(change: str) -> None:
    write(3)
    sealing.seal()
    with unguarded() as superuser:
        superuser.execute(f"UPDATE approvals_seal SET {change}")
    write()
    with pytest.raises(notes.BadNote, match="seal over 3 entries was changed"):
        sealing.seal()
    assert Leaf.objects.count() == 3


def test_a_horizon_that_somebody_moved_ahead_keeps_no_entry_from_its_seal() -> None:
    write()
    sealing.seal()
    with unguarded() as superuser:
        superuser.execute("UPDATE approvals_seal SET horizon = horizon + 1000000")
    write()
    assert sealing.lag() > timedelta()
    assert sealing.seal() == 1


def test_the_key_is_readable_by_its_owner_alone(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path
    keys.private()
    assert (tmp_path / keys.FILE).stat().st_mode & 0o777 == 0o600


def test_the_log_keeps_its_name_under_another_key(settings: Any, tmp_path: Any) -> None:
    write()
    sealing.seal()
    settings.DATA_DIR = tmp_path
    write()
    sealing.seal()
    assert len({notes.read(seal.note).origin for seal in Seal.objects.all()}) == 1


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_the_newest_head_is_kept_outside_the_database(data_dir: Path) -> None:
    for number in (1, 2):
        write()
        Sealer().round()
        assert heads.kept() == notes.opened((data_dir / heads.FILE).read_text(), keys.known())
        assert heads.kept().size == number
    assert heads.ahead() is None


def test_no_older_head_is_written_over_a_newer_one(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(2)
    Sealer().round()
    kept = heads.kept()
    with unguarded() as superuser:  # an older backup, and work that goes on in it
        superuser.execute("DELETE FROM approvals_leaf")
        superuser.execute("DELETE FROM approvals_seal")
    write(5)
    Sealer().round()
    assert heads.ahead() == heads.kept() == kept
    assert "was rolled back, restored from a backup, or replaced" in caplog.text


def test_a_record_that_cannot_be_sealed_is_complained_of_once_a_minute(
    settings: Any, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write()
    settings.COUNTERSIGN_SEAL_KEY = data_dir / "gone"
    sealer = Sealer()
    sealer.round()
    sealer.round()
    assert caplog.text.count("cannot be sealed") == 1


@committed
def test_an_entry_that_waits_for_a_minute_raises_an_alarm(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    write()
    with unguarded() as superuser:
        superuser.execute("UPDATE approvals_auditentry SET at = at - interval '2 minutes'")
    with second_connection() as other:
        other.execute(sealing._TURN)
        Sealer().round()
    assert "has waited 12" in caplog.text
