"""What an inspection looks at and what it says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from approvals import wording


class Kind(StrEnum):
    """What has been done to a record."""

    CHANGED = "changed"
    MISSING = "missing"
    #: Comes again, or was put in.
    REPEATED = "repeated"
    MOVED = "moved"
    PAYLOAD = "payload"
    #: Every chain fits, and the signed tree says otherwise.
    REWRITTEN = "rewritten"
    FORGED = "forged seal"
    #: Should have a place, or a seal, and has none.
    UNSEALED = "unsealed"
    #: Nothing of it leads to a seal.
    UNPROVEN = "unproven"
    #: What was kept to prove places quickly is not of this tree.
    BLOCK = "kept root"
    ROLLED_BACK = "rolled back"
    #: An export that fits all the way and ends before the head that was kept: made earlier, or cut off.
    OLDER = "older than the head"
    UNREADABLE = "unreadable"


class Entry(NamedTuple):
    """One entry as it is found. `placed` is the copy of its hash beside its place, where there is one."""

    leaf: int | None
    stream: str
    seq: int
    prev: bytes
    hash: bytes
    body: bytes
    salt: bytes | None = None
    payload: bytes | None = None
    placed: bytes = b""
    #: How the body begins and ends if the columns beside it are right.
    begins: bytes = b""
    ends: bytes = b""

    @property
    def name(self) -> str:
        """As people are told it."""
        return f"{self.stream} {self.seq}"


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Something is wrong, from this place on (and not after `until`)."""

    kind: Kind
    says: str
    leaf: int | None = None
    until: int | None = None
    stream: str = ""
    seq: int | None = None

    @property
    def order(self) -> float:
        """Its place in the record; what has no place yet comes last."""
        return float("inf") if self.leaf is None else self.leaf


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a record is worth."""

    entries: int
    sealed: int
    seals: int
    streams: int
    erased: int
    signatures_checked: bool
    damage: Sequence[Damage]
    #: How many in all; the first of them are told one by one.
    damages: int

    @property
    def first(self) -> Damage | None:
        """The first thing that is wrong."""
        return self.damage[0] if self.damage else None

    def as_json(self) -> dict[str, Any]:
        """All of it for machines."""
        return {**asdict(self), "ok": not self.damage, "first": asdict(self.first) if self.first else None}

    def lines(self) -> list[str]:
        """All of it for people; the first bad entry comes first."""
        counted = f"{self.entries} entries in {self.streams} streams, {self.sealed} of them under {self.seals} seals"
        erased = f"; {self.erased} payloads were erased, and the record says so" if self.erased else ""
        unchecked = [] if self.signatures_checked else ["Signatures were not checked: no key is known here (--key)."]
        if not self.damage:
            newer = self.entries - self.sealed
            rest = [f"{newer} newer entries are under no seal yet: nothing proves them."] if newer else []
            return [f"Whole: {counted}{erased}.", *rest, *unchecked]
        # An export is anybody's: what it calls a stream may hold orders to a terminal.
        told = [f"{damage.kind}: {wording.visible(damage.says)}" for damage in self.damage]
        more = [f"… and {self.damages - len(told)} more."] if self.damages > len(told) else []
        what = "NOT PROVEN" if {damage.kind for damage in self.damage} <= {Kind.UNPROVEN, Kind.OLDER} else "DAMAGED"
        return [f"{what} ({counted}{erased}). First:", *told, *more, *unchecked]
