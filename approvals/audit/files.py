"""What lies in a file already that an export is written to: only an export of the same kind and record goes on or is
replaced, and whatever else somebody named by mistake stays as it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from approvals.models import Leaf


class NotThisExport(Exception):
    """The file holds something else; the sentence says what."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} {why}. Nothing was written.")


class Held(NamedTuple):
    """How many places a file holds, the hash at the last of them, and where in the file its line ends."""

    places: int = 0
    hash: str = ""
    end: int = 0


def check(path: Path, *, first: str) -> None:
    """May an export that begins with this line take the place of what is there? Raises NotThisExport."""
    if _holds_something(path):
        with path.open("rb") as written:
            _check_first(path, written, first)


def go_on(path: Path, *, first: str, after: int = 0) -> int:
    """How many places of the record the file holds: what comes after the last of them is cut off, for it broke off or
    is sealed by now. Raises NotThisExport, also where it does not hold as many as it should, and changes nothing."""
    if not _holds_something(path):
        return after
    with path.open("rb") as written:
        _check_first(path, written, first)
        held = _held(path, written)
    leaf = Leaf.objects.filter(number=held.places - 1).first()
    if held.places and (leaf is None or bytes(leaf.hash).hex() != held.hash):
        raise NotThisExport(path, "is the export of another record")
    if after and after != held.places:
        raise NotThisExport(path, f"goes on after {held.places} entries, not after {after}")
    os.truncate(path, held.end)
    return held.places


def _holds_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _check_first(path: Path, written: BinaryIO, first: str) -> None:
    """A line that broke off is the beginning of an export that did."""
    wanted = first.encode()
    found = written.readline(len(wanted) + 1)
    if found != wanted and (found.endswith(b"\n") or not wanted.startswith(found)):
        raise NotThisExport(path, "is no such export: it begins with something else")


def _held(path: Path, written: BinaryIO) -> Held:
    """Places come one after the other, with seals between them; what has no place comes last, and may break off."""
    held, at, is_over = Held(), written.tell(), False
    for number, line in enumerate(_lines(written), start=2):
        at += len(line)
        told = _told(line) if line.endswith(b"\n") else {"leaf": None}
        if told is None or (is_over and told.get("leaf", 0) is not None):
            raise NotThisExport(path, f"cannot go on: line {number} is not what comes there")
        if "seal" in told:
            continue
        leaf, is_over = told["leaf"], told["leaf"] is None
        if not is_over and (type(leaf) is not int or leaf != held.places):
            raise NotThisExport(path, f"cannot go on: line {number} is not what comes there")
        if not is_over:
            held = Held(held.places + 1, str(told.get("missing") or told.get("hash")), at)
    return held


def _lines(written: BinaryIO) -> Iterator[bytes]:
    return iter(written.readline, b"")


def _told(line: bytes) -> dict[str, Any] | None:
    """A line of an export; None for anything else."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and ("seal" in told or "leaf" in told) else None
