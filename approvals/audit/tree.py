"""The Merkle tree of RFC 6962 over the hashes of entries. Pure.

The hash of an entry is the hash of a leaf already: SHA-256 over 0x00 and what it covers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

#: Domain separation: a node of the tree never passes for a leaf.
NODE = b"\x01"
EMPTY = hashlib.sha256(b"").digest()


class BadProof(ValueError):
    """The proof does not have the shape that its place in the tree asks for."""


def node(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return hashlib.sha256(NODE + left + right).digest()


@dataclass(kw_only=True)
class Edge:
    """The right edge of a growing tree: one root for each full subtree, the largest first.

    It is all that appending needs: O(log n) to keep and to add to.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add the hash of one leaf."""
        rest, peaks = self.size, self.peaks
        while rest & 1:
            leaf = node(peaks.pop(), leaf)
            rest >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The head of the tree as it stands."""
        if not self.peaks:
            return EMPTY
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node(peak, root)
        return root

    def kept(self) -> bytes:
        """The peaks in one piece."""
        return b"".join(self.peaks)


def edge(size: int, kept: bytes) -> Edge:
    """The edge that was kept. Raises ValueError where so many peaks do not belong to that size."""
    peaks = [kept[start : start + 32] for start in range(0, len(kept), 32)]
    if len(kept) % 32 or len(peaks) != size.bit_count():
        raise ValueError(f"{len(kept)} bytes are not the edge of a tree of {size} leaves.")
    return Edge(size=size, peaks=peaks)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The head over the hashes of these leaves."""
    growing = Edge()
    for leaf in leaves:
        growing.append(leaf)
    return growing.root()


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Every node of the tree, from the leaves up; one without a neighbour is its own parent."""
    found = [list(leaves)]
    while len(row := found[-1]) > 1:
        pairs = [node(row[n], row[n + 1]) for n in range(0, len(row) - 1, 2)]
        found.append(pairs + row[len(row) & ~1 :])
    return found


def inclusion(place: int, rows: Sequence[Sequence[bytes]]) -> list[bytes]:
    """What proves that a leaf is in the tree of these levels: the hashes beside its way up, the lowest first."""
    beside = [(row, (place >> height) ^ 1) for height, row in enumerate(rows)]
    return [row[other] for row, other in beside if other < len(row) and len(row) > 1]


def root_from(leaf: bytes, *, place: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The head that a leaf at this place and its proof lead to. Raises BadProof."""
    if not 0 <= place < size:
        raise BadProof(f"There is no leaf {place} in a tree of {size}.")
    here, last, beside = place, size - 1, list(proof)
    while last:
        if here & 1 or here < last:  # else it is the last without a neighbour, and moves up as it is
            if not beside:
                raise BadProof("The proof is too short.")
            other = beside.pop(0)
            leaf = node(other, leaf) if here & 1 else node(leaf, other)
        here, last = here >> 1, last >> 1
    if beside:
        raise BadProof("The proof is too long.")
    return leaf
