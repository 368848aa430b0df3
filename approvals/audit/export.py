"""The record as lines: all of it for `verify_audit`, one stream with proofs, or a table for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from approvals.audit import blocks, lines, stored
from approvals.audit.findings import Entry
from approvals.models import AuditEntry, Seal

COLUMNS = (
    "leaf",
    "id",
    "stream",
    "seq",
    "at",
    "type",
    "actor",
    "method",
    "ticket",
    "action",
    "state",
    "outcome",
    "revision",
    "digest",
    "policy",
    "policy_version",
    "decision",
    "message",
    "hash",
)
#: A spreadsheet takes a cell that begins like this for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def lines_of(format: str, *, stream: str = "", after: int = 0) -> Iterator[str]:
    """The record, or one stream of it, as `jsonl` or `csv`."""
    if format == "csv":
        return table(stream=stream, after=after)
    return jsonl_of(stream) if stream else jsonl(after=after)


def first_line(format: str, *, stream: str = "") -> str:
    """How such a file begins."""
    return _row(COLUMNS) if format == "csv" else lines.header(stream=stream)


def jsonl(*, after: int = 0) -> Iterator[str]:
    """All of it; `after` so many places it goes on where an interrupted export stopped."""
    with stored.at_one_moment():
        if not after:
            yield lines.header()
        for row in stored.rows(after=after):
            if row.entry:
                yield lines.of_entry(row.entry, entry_id=row.entry_id)
            elif row.hole is not None:
                yield lines.of_hole(row.hole, row.placed)
            else:
                yield lines.of_seal(row.seal, size=row.size)


def jsonl_of(stream: str) -> Iterator[str]:
    """One stream, with what proves that its entries are in the tree, and the newest seal."""
    with stored.at_one_moment():
        yield lines.header(stream=stream)
        seal = Seal.objects.last()
        proofs = blocks.Proofs(seal.size) if seal else None
        for row in stored.rows_of(stream):
            if row.entry:
                proof = None if row.entry.leaf is None or proofs is None else proofs.of(row.entry.leaf)
                yield lines.of_entry(row.entry, entry_id=row.entry_id, proof=proof)
        if seal:
            yield lines.of_seal(seal.note, size=seal.size)


def table(*, stream: str = "", after: int = 0) -> Iterator[str]:
    """The same as CSV, for reading: what is verified is the other format."""
    with stored.at_one_moment():
        if not after:
            yield _row(COLUMNS)
        for row in stored.rows_of(stream) if stream else stored.rows(after=after):
            if row.entry:
                yield _row([_safe(cell) for cell in _cells(row.entry, row.entry_id)])


def exists(stream: str) -> bool:
    """Is there anything in this stream?"""
    return AuditEntry.objects.filter(stream=stream).exists()


def _cells(entry: Entry, entry_id: int | None) -> list[Any]:
    told: dict[str, Any] = json.loads(entry.body)
    facts = {**told.get("facts", {}), **json.loads(entry.payload or b"{}")}
    ticket = told.get("ticket") or {}
    known = {**told, **ticket, "ticket": ticket.get("id"), "leaf": entry.leaf, "id": entry_id}
    known |= {"decision": facts.get("decision"), "message": facts.get("message"), "hash": entry.hash.hex()}
    return [known.get(name) for name in COLUMNS]


def _safe(cell: Any) -> Any:
    """No cell is taken for a formula."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA):
        return f"'{cell}"
    return cell


def _row(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue()
