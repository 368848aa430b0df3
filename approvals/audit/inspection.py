"""Looks through a record, entry by entry, and says what is wrong with it. Pure: no Django, no database.

It is told the entries in the order of their places in the tree, each seal after the last entry it covers, and at the
end what has no seal yet. It keeps the end of every chain and the right edge of the tree, nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from approvals import digests
from approvals.audit import bodies, notes, tree
from approvals.audit.findings import Damage, Entry, Kind, Report
from approvals.audit.notes import BadNote, Beside, Head, PublicKey

GENESIS = bytes(32)
#: As much damage is told one by one; the rest is counted.
TOLD = 100


class End(NamedTuple):
    """Where a chain has got to."""

    seq: int
    hash: bytes
    leaf: int | None
    is_sound: bool


START = End(0, GENESIS, None, True)


@dataclass(kw_only=True)
class Inspection:
    """Tell it what there is, then ask for the report."""

    #: Without any, signatures are not checked, and the report says so.
    keys: Sequence[PublicKey] = ()
    #: A head that somebody kept elsewhere: the record must go through it.
    head: Head | None = None

    _entries: int = 0
    _seals: int = 0
    _damages: int = 0
    _damage: list[Damage] = field(default_factory=list)
    #: Places so far. The edge grows with them until an entry is missing whose hash nobody knows.
    _size: int = 0
    _edge: tree.Edge = field(default_factory=tree.Edge)
    _is_whole: bool = True
    #: Up to here a seal agrees.
    _proven: int = 0
    #: So many places a seal speaks of.
    _covered: int = 0
    _origin: str = ""
    _ends: dict[str, End] = field(default_factory=dict)
    #: Places whose entry is missing, and what was said of it.
    _gaps: dict[int, Damage] = field(default_factory=dict)
    #: Heads over more entries than have come yet.
    _awaited: list[tuple[Head, str]] = field(default_factory=list)
    _gone: dict[tuple[str, int], Damage] = field(default_factory=dict)
    _erased: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.head:
            self._awaited.append((self.head, "the head that was kept"))

    def entry(self, entry: Entry, *, is_late: bool = False) -> None:
        """The next entry; `is_late` where it should have a place by now."""
        self._entries += 1
        if is_late:
            says = f"{entry.name} has no place in the tree, though everything as old as it has: it was put in."
            self.say(Kind.UNSEALED, says, entry)
        is_sound, here = self._look_at(entry), self._size
        is_in_place = entry.leaf is None or self._place(entry.leaf, entry)
        self._follow(entry, is_sound=is_sound, here=here if is_in_place else None)

    def hole(self, leaf: int, placed: bytes) -> None:
        """The next place, whose entry is gone."""
        gap = Damage(kind=Kind.MISSING, says=f"The entry at place {leaf} is missing.", leaf=leaf, until=leaf)
        self._add(gap)
        self._gaps[leaf] = gap
        self._grow(placed)

    def seal(self, note: str, *, size: int | None = None, beside: Beside | None = None) -> None:
        """The next seal, over all entries so far; the rest is what is said of it elsewhere."""
        self._seals += 1
        try:
            head = notes.opened(note, self.keys) if self.keys else notes.read(note)
        except BadNote as error:
            self._forged(f"The seal over {size or 'some'} entries is not real: {error}")
            return
        self._origin = self._origin or head.origin
        self._covered = max(self._covered, head.size)
        if beside and not beside.fits(head):
            self._forged(f"What stands beside the seal over {head.size} entries is not what was signed.")
        if head.origin != self._origin or size not in {None, head.size} or head.size < self._size:
            self._forged(f"The seal over {head.size} entries does not belong here.")
        elif head.size > self._size:
            self._awaited.append((head, f"the seal over {head.size}"))
        else:
            self._compare(head, "the seal over them")

    def block(self, first: int, last: int) -> None:
        """The root that was kept over these places is not theirs."""
        says = f"The root that was kept over places {first} to {last} is not theirs: proofs lead nowhere."
        self._add(Damage(kind=Kind.BLOCK, says=says, leaf=first, until=last))

    def say(self, kind: Kind, says: str, entry: Entry) -> None:
        """Something is wrong with this entry."""
        self._add(Damage(kind=kind, says=says, leaf=entry.leaf, stream=entry.stream, seq=entry.seq))

    def unreadable(self, where: str) -> None:
        """Something that is no entry and no seal."""
        self._add(Damage(kind=Kind.UNREADABLE, says=f"{where} cannot be read.", leaf=self._size))

    def report(self) -> Report:
        """What was found; asked once, at the end."""
        self._look_back()
        for place, gap in self._gone.items():
            if place not in self._erased:
                self._add(gap)
        return Report(
            entries=self._entries,
            sealed=self._size,
            seals=self._seals,
            streams=len(self._ends),
            erased=len(self._erased & self._gone.keys()),
            signatures_checked=bool(self.keys),
            damage=sorted(self._damage, key=lambda damage: damage.order),
            damages=self._damages,
        )

    def _look_at(self, entry: Entry) -> bool:
        """Is it what was written, in the place it was written for?"""
        computed = digests.of_entry(prev=entry.prev, body=entry.body)
        if computed != entry.hash or (entry.placed and entry.placed != computed):
            self.say(Kind.CHANGED, f"{entry.name} was changed after it was written.", entry)
            return False
        if bodies.fits(entry):
            return True
        told = bodies.read(entry)
        if isinstance(told, str):
            kind = Kind.MOVED if told else Kind.UNREADABLE
            self.say(kind, told or f"{entry.name} cannot be read.", entry)
            return False
        if not bodies.columns_agree(entry):
            self.say(Kind.CHANGED, f"{entry.name} is shown as something else than what was written.", entry)
        self._erased.update((entry.stream, seq) for seq in told.erases)
        self._check_payload(entry, claimed=told.payload)
        return True

    def _check_payload(self, entry: Entry, *, claimed: str) -> None:
        found = bodies.payload_of(entry)
        if claimed and not found:
            says = f"The payload of {entry.name} is gone, and nothing says that it was erased."
            gone = Damage(kind=Kind.PAYLOAD, says=says, leaf=entry.leaf, stream=entry.stream, seq=entry.seq)
            self._gone[entry.stream, entry.seq] = gone
        elif claimed != found:
            self.say(Kind.PAYLOAD, f"The payload of {entry.name} is not the one that was written.", entry)

    def _place(self, leaf: int, entry: Entry) -> bool:
        """Its place in the tree; False where it is not here, which is said then."""
        if leaf > self._size:
            self._miss(leaf)
        if leaf == self._size:
            self._grow(entry.placed or entry.hash)
            return True
        if gap := self._gaps.pop(leaf, None):
            says = f"{entry.name} was moved from its place {leaf}."
            self._replace(gap, replace(gap, kind=Kind.MOVED, says=says, stream=entry.stream, seq=entry.seq))
        else:
            self._repeated(entry, here=self._size, since=leaf if leaf == self._size - 1 else None)
        return False

    def _grow(self, placed: bytes) -> None:
        self._size += 1
        if not self._is_whole:
            return
        self._edge.append(placed)
        reached = [waiting for waiting in self._awaited if waiting[0].size == self._size]
        for waiting in reached:
            self._awaited.remove(waiting)
            self._compare(*waiting)

    def _miss(self, leaf: int) -> None:
        """Places that nothing is said of: their hashes are lost, and with them the tree from there on."""
        first, self._size, self._is_whole = self._size, leaf, False
        says = f"The {_entries(first, leaf - 1)} missing."
        gap = Damage(kind=Kind.MISSING, says=says, leaf=first, until=leaf - 1)
        self._add(gap)
        self._gaps.update(dict.fromkeys(range(first, min(leaf, first + TOLD)), gap))

    def _follow(self, entry: Entry, *, is_sound: bool, here: int | None) -> None:
        """The chain of its stream; `here` is where it stands, unless that was said to be wrong already."""
        last = self._ends.get(entry.stream, START)
        if not is_sound and entry.seq != last.seq + 1:
            return  # what it says of itself is not to be built on
        if entry.seq <= last.seq:
            if here is not None:
                self._repeated(entry, here=here)
            return
        if entry.seq > last.seq + 1:
            self._skip(entry, last)
        elif entry.prev != last.hash and is_sound and last.is_sound:
            self._part(entry, last)
        self._ends[entry.stream] = End(entry.seq, entry.hash, entry.leaf, is_sound)

    def _part(self, entry: Entry, last: End) -> None:
        """Both are whole and do not belong together: one was written anew, with a hash that fits it."""
        says = f"{entry.stream} {last.seq} was changed, or {entry.name} was: the chain breaks between them."
        leaf = entry.leaf if last.leaf is None else last.leaf
        seq = last.seq or entry.seq
        self._add(Damage(kind=Kind.CHANGED, says=says, leaf=leaf, until=entry.leaf, stream=entry.stream, seq=seq))

    def _skip(self, entry: Entry, last: End) -> None:
        """Entries of the stream are missing. Which places they had is known where as many are empty."""
        first, after = last.seq + 1, -1 if last.leaf is None else last.leaf
        says = f"{entry.stream} {first} is missing: {entry.name} comes after {last.seq or 'nothing'}."
        empty = [gap for leaf, gap in self._gaps.items() if leaf > after and not gap.stream]
        if len(empty) != entry.seq - first:
            leaf = None if entry.leaf is None else empty[0].leaf if empty else after + 1
            self._add(Damage(kind=Kind.MISSING, says=says, leaf=leaf, until=entry.leaf, stream=entry.stream, seq=first))
            return
        self._replace(empty[0], replace(empty[0], says=f"{empty[0].says} {says}", stream=entry.stream, seq=first))

    def _compare(self, head: Head, what: str) -> None:
        """A real head against the tree as it stands here."""
        if not self._is_whole:
            return
        if head.root == self._edge.root():
            self._proven = head.size
            return
        # Which of the entries it was only that much is known of, unless one was found already. Seals that agree
        # where a head from elsewhere does not were made by whoever has the key.
        self._is_whole, first, last = False, 0 if head is self.head else self._proven, head.size - 1
        if not any(first <= damage.order <= last for damage in self._damage):
            says = f"Among the entries at places {first} to {last} some were rewritten: {what} says otherwise."
            self._add(Damage(kind=Kind.REWRITTEN, says=says, leaf=first, until=last))

    def _look_back(self) -> None:
        """Is all here that was sealed, and does the record go through the head that was kept?"""
        if self.head and self._origin and self.head.origin != self._origin:
            says = f"The head that was kept belongs to another record ({self.head.origin})."
            self._add(Damage(kind=Kind.ROLLED_BACK, says=says, leaf=0))
        beyond = [(head, what) for head, what in self._awaited if head.size > self._size]
        for head, what in beyond[:1]:
            kind = Kind.ROLLED_BACK if head is self.head else Kind.MISSING
            last = max(head.size for head, _ in beyond) - 1
            says = f"The record ends after {self._size} entries, and {what} covers {head.size}."
            # Somebody may have numbered anew what was left: only up to the last good seal is it known to be the same.
            is_told = any(damage.order >= self._proven for damage in self._damage)
            self._add(Damage(kind=kind, says=says, leaf=self._size if is_told else self._proven, until=last))
        if self._covered < self._size:
            first, last = self._covered, self._size - 1
            says = f"The {_entries(first, last)} under no seal: the record was cut off there, or seals were taken away."
            self._add(Damage(kind=Kind.UNSEALED, says=says, leaf=first, until=last))

    def _forged(self, says: str) -> None:
        first = max(0, min(self._proven, self._size - 1))
        self._add(Damage(kind=Kind.FORGED, says=says, leaf=first, until=self._size))

    def _repeated(self, entry: Entry, *, here: int, since: int | None = None) -> None:
        """In a place that is taken, or where its chain has passed; `since` where another was taken for it."""
        last = self._ends.get(entry.stream, START)
        since = last.leaf if last.seq == entry.seq else since
        missed = (Kind.MISSING, entry.stream, entry.seq)
        if gap := next((known for known in self._damage if (known.kind, known.stream, known.seq) == missed), None):
            self._replace(gap, replace(gap, kind=Kind.MOVED, says=f"{entry.name} was moved from its place."))
            return
        twice = "twice, and one of them was put in" if since is not None else "again, or was put in"
        leaf = None if entry.leaf is None else here if since is None else since
        says = f"{entry.name} is here {twice}."
        self._add(
            Damage(
                kind=Kind.REPEATED,
                says=says,
                leaf=leaf,
                until=None if leaf is None else here,
                stream=entry.stream,
                seq=entry.seq,
            )
        )

    def _add(self, damage: Damage) -> None:
        self._damages += 1
        if len(self._damage) < TOLD:
            self._damage.append(damage)

    def _replace(self, gap: Damage, better: Damage) -> None:
        self._damage = [better if known is gap else known for known in self._damage]
        self._gaps = {leaf: better if known is gap else known for leaf, known in self._gaps.items()}


def _entries(first: int, last: int) -> str:
    return f"entry at place {first} is" if first == last else f"entries at places {first} to {last} are"
