"""Pages show entries by their numbers, and no hash holds a number.

But the sealer gives places in the order of numbers, and a stream is written in that order: an entry whose number was
changed stands out among its neighbours. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from approvals.audit.findings import Entry

_SHOWN = "is shown in another place than the one it was written in."


class Numbering:
    """Is told the entries in the order of their places, and each seal after the last entry it covers."""

    def __init__(self) -> None:
        self.wrong: list[tuple[Entry, str]] = []
        self._under_seal: list[tuple[int, Entry]] = []
        #: Number, sequence and place of the last entry of each stream: as little as can be, there are many.
        self._last: dict[str, tuple[int, int, int | None]] = {}

    def entry(self, entry: Entry, number: int | None) -> None:
        """The next entry and its number; what has no place yet comes by its number anyway."""
        if entry.leaf is not None and number is not None:
            self._under_seal.append((number, entry))

    def seal(self) -> None:
        """Under one seal numbers only grow, and so they do in one stream."""
        numbers = [number for number, _ in self._under_seal]
        strange = _out_of_line(numbers) if any(a >= b for a, b in pairwise(numbers)) else set()
        for at, (number, entry) in enumerate(self._under_seal):
            if at in strange:
                self.wrong.append((entry, f"{entry.name} {_SHOWN}"))
                continue
            last, seq, leaf = self._last.get(entry.stream, (number - 1, 0, None))
            if last >= number:
                self.wrong.append((entry._replace(seq=seq, leaf=leaf), f"{entry.stream} {seq} or {entry.seq} {_SHOWN}"))
            self._last[entry.stream] = (number, entry.seq, entry.leaf)
        self._under_seal.clear()


def _out_of_line(numbers: Sequence[int]) -> set[int]:
    """Where the fewest stand that have to be taken out so that the rest only grows."""
    ends: list[int] = []
    reached = []
    for number in numbers:
        length = bisect_left(ends, number)
        ends[length : length + 1] = [number]
        reached.append(length)
    left, strange = len(ends) - 1, set()
    for at in reversed(range(len(numbers))):
        if reached[at] == left:
            left -= 1
        else:
            strange.add(at)
    return strange
