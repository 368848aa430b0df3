"""`export_audit`: what it writes verifies without a database, goes on where it stopped, and no cell is a formula."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from approvals import audit, digests, tickets
from approvals.audit import keys, sealing
from approvals.models import AuditEntry, Seal, Ticket
from tests import factories

pytestmark = pytest.mark.django_db

FORMULA = '=HYPERLINK("http://evil.example","Approve")'


@pytest.fixture(autouse=True)
def ticket(cast: Any) -> Ticket:
    """One that was decided and sealed, another that nobody has sealed yet."""
    decided = factories.decide(factories.open_ticket("unknown_action"), cast["alice"], "reject", message=FORMULA)
    sealing.seal()
    factories.open_ticket("unknown_action")
    return decided


def exported(path: Path, *options: str) -> list[str]:
    call_command("export_audit", "--output", str(path), *options)
    return path.read_text().splitlines()


def verified(path: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """By the module that knows neither Django nor a database."""
    public = str(settings.DATA_DIR / keys.PUBLIC_FILE)
    command = [sys.executable, "-m", "approvals.audit.verify", str(path), "--key", public, "--json", *options]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=settings.BASE_DIR)
    return ended.returncode, json.loads(ended.stdout)


def test_an_export_verifies_without_a_database(tmp_path: Path) -> None:
    told = exported(tmp_path / "all")
    assert len(told) == 1 + AuditEntry.objects.count() + 1
    code, report = verified(tmp_path / "all")
    assert (code, report["entries"], report["sealed"], report["seals"]) == (0, 4, 3, 1)


def test_a_changed_export_is_named_and_exits_with_one(tmp_path: Path) -> None:
    told = exported(tmp_path / "all")
    (tmp_path / "all").write_text("\n".join([*told[:2], told[2].replace("alice", "carol"), *told[3:]]))
    code, report = verified(tmp_path / "all")
    assert (code, report["first"]["kind"], report["first"]["leaf"]) == (1, "changed", 1)


def test_one_ticket_is_exported_with_proofs_of_its_places(tmp_path: Path, ticket: Ticket) -> None:
    exported(tmp_path / "one", "--ticket", str(ticket.pk))
    code, report = verified(tmp_path / "one")
    assert (code, report["entries"], report["sealed"]) == (0, 3, 3)


def test_a_ticket_that_is_not_what_was_sealed_is_found(tmp_path: Path, ticket: Ticket) -> None:
    told = [json.loads(line) for line in exported(tmp_path / "one", "--ticket", str(ticket.pk))]
    told[1]["proof"], told[2]["proof"] = told[2]["proof"], told[1]["proof"]
    (tmp_path / "one").write_text("\n".join(map(json.dumps, told)))
    code, report = verified(tmp_path / "one")
    assert (code, report["first"]["kind"]) == (1, "rewritten")


def forged(path: Path, *, at: str = "") -> list[dict[str, Any]]:
    """Another actor in every entry of an export of one ticket, chained anew, with no place; the real seal stays."""
    header, *entries, seal = map(json.loads, path.read_text().splitlines())
    prev = bytes(32)
    for line in entries:
        body = digests.canonical({**json.loads(line["body"]), "actor": "carol", "prev": prev.hex()} | when(at))
        line |= {"leaf": None, "prev": prev.hex(), "body": body.decode()}
        prev = digests.of_entry(prev=prev, body=body)
        line |= {"hash": prev.hex()}
        del line["proof"]
    path.write_text("\n".join(map(json.dumps, [header, *entries, seal])))
    return entries


def when(at: str) -> dict[str, str]:
    return {"at": at} if at else {}


@pytest.mark.parametrize("at", ["", "2999-01-01T00:00:00+00:00"])
def test_a_ticket_without_its_proofs_proves_nothing_whatever_seal_is_below_it(
    tmp_path: Path, ticket: Ticket, at: str
) -> None:
    exported(tmp_path / "one", "--ticket", str(ticket.pk))
    entries = forged(tmp_path / "one", at=at)
    code, report = verified(tmp_path / "one")
    assert (code, report["entries"], report["sealed"], report["damages"]) == (1, len(entries), 0, 1)
    assert (report["first"]["kind"], report["first"]["seq"]) == ("unproven", 1)


@pytest.mark.parametrize(("at", "seq"), [("", 3), ("2999-01-01T00:00:00+00:00", None)])
def test_the_end_of_a_ticket_has_no_proof_only_where_it_is_newer_than_the_seal(
    tmp_path: Path, ticket: Ticket, at: str, seq: int | None
) -> None:
    exported(tmp_path / "one", "--ticket", str(ticket.pk))
    told = [json.loads(line) for line in (tmp_path / "one").read_text().splitlines()]
    body = digests.canonical({**json.loads(told[3]["body"]), "actor": "carol"} | when(at))
    told[3] |= {"leaf": None, "body": body.decode()}
    told[3]["hash"] = digests.of_entry(prev=bytes.fromhex(told[3]["prev"]), body=body).hex()
    (tmp_path / "one").write_text("\n".join(map(json.dumps, told)))
    code, report = verified(tmp_path / "one")
    assert (code, report["sealed"], report["entries"]) == (1 if seq else 0, 2, 3)
    assert seq is None or (report["first"]["kind"], report["first"]["seq"]) == ("unsealed", seq)


def test_a_newer_head_knows_of_an_entry_that_says_it_has_no_place_yet(tmp_path: Path, ticket: Ticket) -> None:
    audit.append("drill", ticket=tickets.lock(ticket.pk)[0])
    exported(tmp_path / "one", "--ticket", str(ticket.pk))
    assert verified(tmp_path / "one")[0] == 0
    sealing.seal()
    (tmp_path / "head").write_text(Seal.objects.last().note)
    code, report = verified(tmp_path / "one", "--head", str(tmp_path / "head"))
    assert (code, report["first"]["kind"], report["first"]["seq"]) == (1, "unsealed", 4)


@pytest.mark.parametrize("cut", [1, 10, 400, 900, 4_000])
def test_an_interrupted_export_goes_on_where_it_stopped(tmp_path: Path, cut: int) -> None:
    whole = exported(tmp_path / "whole")
    written = (tmp_path / "whole").read_bytes()
    (tmp_path / "part").write_bytes(written[: len(written) - cut])
    sealing.seal()
    assert len(exported(tmp_path / "part")) >= len(whole)
    assert verified(tmp_path / "part")[1]["sealed"] == 4


STRANGE = {
    "no export": "Dear diary,\nnothing of this is an export.\n",
    "no text": "\x00\x01" * 400,
    "an export that says so itself": '{"format":"other/1","stream":null}\n',
}


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE.keys())
@pytest.mark.parametrize("options", [(), ("--format", "csv"), ("--after", "3")], ids=["all", "table", "after"])
def test_a_file_that_is_no_export_stays_as_it_is(tmp_path: Path, content: str, options: tuple[str, ...]) -> None:
    refused(tmp_path / "mine", content, "begins with something else", *options)


def refused(path: Path, content: str, why: str, *options: str) -> None:
    path.write_text(content)
    with pytest.raises(CommandError, match=why) as refusal:
        call_command("export_audit", "--output", str(path), *options)
    assert (refusal.value.returncode, path.read_text()) == (2, content)


def test_all_of_the_record_does_not_go_on_behind_one_ticket_nor_take_its_place(tmp_path: Path, ticket: Ticket) -> None:
    one = "\n".join([*exported(tmp_path / "one", "--ticket", str(ticket.pk)), ""])
    refused(tmp_path / "one", one, "begins with something else")
    whole = "\n".join([*exported(tmp_path / "all"), ""])
    refused(tmp_path / "all", whole, "begins with something else", "--ticket", str(ticket.pk))
    refused(tmp_path / "all", whole, "goes on after 3 entries, not after 2", "--after", "2")


def test_an_export_of_another_record_does_not_go_on(tmp_path: Path) -> None:
    header, *told = exported(tmp_path / "all")
    other = json.loads(told[2]) | {"hash": "00" * 32}
    refused(tmp_path / "other", "\n".join([header, *told[:2], json.dumps(other), ""]), "of another record")
    longer = [json.dumps(json.loads(told[2]) | {"leaf": leaf}) for leaf in range(3, 9)]
    refused(tmp_path / "longer", "\n".join([header, *told[:3], *longer, ""]), "of another record")


ODD = ["[]", "7", "null", "{}", '{"leaf": "3"}', '{"leaf": 99}', '{"leaf": [1], "hash": 7}', "[" * 9_000, "\udc80"]


@pytest.mark.parametrize("line", ODD, ids=range(len(ODD)))
def test_a_line_that_cannot_stand_there_stops_an_export_from_going_on(tmp_path: Path, line: str) -> None:
    told = exported(tmp_path / "all")
    odd = "\n".join([*told[:3], line.encode(errors="replace").decode(), *told[3:], ""])
    refused(tmp_path / "odd", odd, "line 4 is not what comes there")


def test_no_cell_of_the_table_is_taken_for_a_formula(tmp_path: Path) -> None:
    exported(tmp_path / "table.csv", "--format", "csv")
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [row["message"] for row in rows if row["message"]] == [f"'{FORMULA}"] * 2
    assert {row["actor"] for row in rows} == {"", "alice"}


def test_a_ticket_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no ticket 0"):
        call_command("export_audit", "--ticket", "0")
