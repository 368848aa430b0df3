"""An exported record: one JSON object on each line. Pure.

The first says what the file is; then come the entries in the order of their places in the tree, each seal after the
last entry it covers, and at the end what has no seal yet. The export of one stream holds, for each sealed entry, a
proof that leads to the seal at the end.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from approvals.audit import bodies, notes, tree
from approvals.audit.findings import Damage, Entry, Kind, Report
from approvals.audit.inspection import Inspection
from approvals.audit.notes import BadNote, Head, PublicKey

FORMAT = "countersign-audit/1"
OLDER = (
    "The export ends after {ends} entries, the head that was kept covers {covers}, and nothing else is wrong: it was "
    "made before that head, or its end was cut off. Copy the head first and export then; that tells which."
)


@dataclass(frozen=True, kw_only=True)
class Proven:
    """An entry of the export of one stream, with what proves its place."""

    entry: Entry
    proof: list[bytes]


def header(*, stream: str = "") -> str:
    """The first line; `stream` where it is only one."""
    return _line({"format": FORMAT, "stream": stream or None})


def of_entry(entry: Entry, *, entry_id: int | None = None, proof: Sequence[bytes] | None = None) -> str:
    """The line of an entry. The body is the text that is hashed, as it is."""
    told: dict[str, Any] = {
        "leaf": entry.leaf,
        "id": entry_id,
        "stream": entry.stream,
        "seq": entry.seq,
        "prev": entry.prev.hex(),
        "hash": entry.hash.hex(),
        "body": entry.body.decode(errors="surrogateescape"),
        "payload": None,
    }
    if entry.payload is not None:
        told["payload"] = {"salt": (entry.salt or b"").hex(), "body": entry.payload.decode(errors="surrogateescape")}
    if proof is not None:
        told["proof"] = [base64.b64encode(step).decode() for step in proof]
    return _line(told)


def of_hole(leaf: int, placed: bytes) -> str:
    """The line of a place whose entry is gone from the database."""
    return _line({"leaf": leaf, "missing": placed.hex()})


def of_seal(note: str, *, size: int) -> str:
    """The line of a seal."""
    return _line({"seal": note, "size": size})


def inspect(written: Iterable[str], *, keys: Sequence[PublicKey] = (), head: Head | None = None) -> Report:
    """Look through an export. Raises BadNote where it is none."""
    numbered = enumerate(written, start=1)
    stream = _stream_of(next(numbered, (1, ""))[1])
    told = ((number, line) for number, line in numbered if line.strip())
    if stream:
        return _inspect_stream(told, stream=stream, keys=keys, head=head)
    inspection = Inspection(keys=keys, head=head)
    for number, line in told:
        try:
            _tell(inspection, json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            inspection.unreadable(f"Line {number}")
    return _or_older(inspection.report(), head)


def _or_older(report: Report, head: Head | None) -> Report:
    """An export that nobody touched ends before a head that was signed later: that alone is no rollback."""
    kinds = [(damage.kind, damage.leaf) for damage in report.damage]
    if not head or kinds != [(Kind.ROLLED_BACK, report.sealed)]:
        return report
    says = OLDER.format(ends=report.sealed, covers=head.size)
    return replace(report, damage=[replace(report.damage[0], kind=Kind.OLDER, says=says)])


def _tell(inspection: Inspection, told: dict[str, Any]) -> None:
    if "seal" in told:
        inspection.seal(str(told["seal"]), size=told["size"])
    elif "missing" in told:
        inspection.hole(int(told["leaf"]), bytes.fromhex(told["missing"]))
    else:
        inspection.entry(_entry(told))


def _inspect_stream(
    told: Iterator[tuple[int, str]], *, stream: str, keys: Sequence[PublicKey], head: Head | None
) -> Report:
    """One chain from its beginning, and the proofs that it is in the tree. What was cut off its end is not seen."""
    inspection, entries, sealed = Inspection(keys=keys), list[Proven](), ""
    for number, line in told:
        try:
            read = json.loads(line)
            if "seal" in read:
                sealed = str(read["seal"])
                continue
            entry = _entry(read)
            if entry.stream != stream:
                raise ValueError(entry.stream)
            proof = [] if entry.leaf is None else [base64.b64decode(step) for step in read["proof"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            inspection.unreadable(f"Line {number}")
        else:
            inspection.entry(entry._replace(leaf=None))
            entries.append(Proven(entry=entry, proof=proof))
    report = inspection.report()
    damage = [*report.damage, *_unproven(entries, sealed, keys=keys, head=head)]
    refuted = {one.seq for one in damage if one.kind in {Kind.REWRITTEN, Kind.FORGED}}
    under = [one for one in entries if one.entry.leaf is not None and one.entry.seq not in refuted]
    is_real = not any(one.kind is Kind.FORGED for one in damage)
    return replace(
        report, damage=damage, damages=len(damage), sealed=len(under) if is_real else 0, seals=int(bool(sealed))
    )


def _unproven(
    entries: Sequence[Proven], sealed: str, *, keys: Sequence[PublicKey], head: Head | None
) -> Iterator[Damage]:
    """What no proof leads from to the seal, though it should."""
    proven = [one for one in entries if one.entry.leaf is not None]
    if not proven:
        yield from _bare(entries)
        return
    try:
        seal = notes.opened(sealed, keys) if keys else notes.read(sealed)
    except BadNote as error:
        yield Damage(kind=Kind.FORGED, says=f"The seal is not real: {error}", leaf=proven[0].entry.leaf)
        return
    if head and (head.origin != seal.origin or (head.size == seal.size and head.root != seal.root)):
        yield Damage(kind=Kind.ROLLED_BACK, says="The head that was kept says otherwise than the seal.", leaf=0)
    for one in entries:
        if one.entry.leaf is None:
            yield from _left_out(one.entry, seals=[seal, head] if head else [seal], before=proven[-1].entry)
        elif not _leads_to(seal, one):
            yield _damage(Kind.REWRITTEN, "is not what was sealed.", one.entry)


def _bare(entries: Sequence[Proven]) -> Iterator[Damage]:
    """Nothing of it is under a seal: anybody can make such a file, with or without a real seal below it."""
    for one in entries[:1]:
        says = "and all that follows is under no seal, so nothing proves it. Export it again once it is sealed."
        yield _damage(Kind.UNPROVEN, says, one.entry)


def _left_out(entry: Entry, *, seals: Sequence[Head], before: Entry) -> Iterator[Damage]:
    """An entry without a place may be newer than every head that is known, and than whatever has a place."""
    at = bodies.moment(bodies.at(entry))
    is_older = any(head.time and at <= bodies.moment(head.time) for head in seals)
    if is_older or entry.seq < before.seq:
        yield _damage(Kind.UNSEALED, "has no place, though a signed head is newer: it was put in.", entry)


def _damage(kind: Kind, says: str, entry: Entry) -> Damage:
    told = f"{entry.name} {says}"
    return Damage(kind=kind, says=told, leaf=entry.leaf, stream=entry.stream, seq=entry.seq)


def _leads_to(seal: Head, known: Proven) -> bool:
    try:
        leaf = known.entry.leaf or 0
        return tree.root_from(known.entry.hash, place=leaf, size=seal.size, proof=known.proof) == seal.root
    except tree.BadProof:
        return False


def _stream_of(line: str) -> str:
    try:
        told = json.loads(line)
        if told["format"] != FORMAT:
            raise BadNote(f"This export is in a format that is not known here: {told['format']}.")
        return str(told.get("stream") or "")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, BadNote):
            raise
        raise BadNote("This is no export of a record: its first line should name the format.") from error


def _entry(told: dict[str, Any]) -> Entry:
    payload = told["payload"]
    leaf, seq = told["leaf"], told["seq"]
    if type(seq) is not int or not (leaf is None or type(leaf) is int):
        raise ValueError("numbers")
    return Entry(
        leaf=leaf,
        stream=str(told["stream"]),
        seq=seq,
        prev=bytes.fromhex(told["prev"]),
        hash=bytes.fromhex(told["hash"]),
        body=told["body"].encode(errors="surrogateescape"),
        salt=bytes.fromhex(payload["salt"]) if payload else None,
        payload=payload["body"].encode(errors="surrogateescape") if payload else None,
    )


def _line(told: dict[str, Any]) -> str:
    return json.dumps(told, separators=(",", ":")) + "\n"
