"""Roots over full blocks of places, kept so that a proof takes two blocks of hashes and not those of a million entries.

Whoever changes a root makes proofs that lead to no signed head: what is verified does not rest on them.
"""

from __future__ import annotations

from collections.abc import Iterable

from approvals.audit import tree
from approvals.models import Block, Leaf

#: Places in a block; a power of two, so that its root is a node of the tree.
SIZE = 1_024
#: As many new ones in one go: those of a record that had none are made up for bit by bit.
MOST = 64


def keep(size: int) -> None:
    """Keep the roots of full blocks in a tree of this size that have none yet. The caller has the sealers' lock."""
    last = Block.objects.order_by("-number").values_list("number", flat=True).first()
    first = 0 if last is None else last + 1
    wanted = range(first, min(size // SIZE, first + MOST))
    Block.objects.bulk_create([Block(number=number, root=tree.root_of(_leaves(number))) for number in wanted])


class Comparison:
    """Holds the kept roots against the leaves, which are told in the order of their places."""

    def __init__(self) -> None:
        self._kept = {number: bytes(root) for number, root in Block.objects.values_list("number", "root")}
        self._right: set[int] = set()
        self._block: list[bytes] = []

    def leaf(self, place: int | None, leaf: bytes) -> None:
        """The next leaf; what has no place yet is passed over."""
        if place is None:
            return
        if place % SIZE == 0:
            self._block.clear()
        self._block.append(leaf)
        if place % SIZE == SIZE - 1 and self._kept.get(place // SIZE) == tree.root_of(self._block):
            self._right.add(place // SIZE)

    def wrong(self) -> list[int]:
        """The blocks whose kept root is not that of their leaves; asked at the end."""
        return sorted(self._kept.keys() - self._right)


class Proofs:
    """What proves that entries are in the tree of this size."""

    def __init__(self, size: int) -> None:
        self._size = size
        kept = {number: bytes(root) for number, root in Block.objects.values_list("number", "root")}
        full = [kept.get(number) or tree.root_of(_leaves(number)) for number in range(size // SIZE)]
        rest = [tree.root_of(self._own(size // SIZE))] if size % SIZE else []
        self._above = tree.levels([*full, *rest])
        self._below: tuple[int, list[list[bytes]]] = (-1, [])

    def of(self, place: int) -> list[bytes]:
        """The hashes beside the way up of one leaf, the lowest first."""
        block, rest = divmod(place, SIZE)
        if self._below[0] != block:
            self._below = (block, tree.levels(list(self._own(block))))
        return tree.inclusion(rest, self._below[1]) + tree.inclusion(block, self._above)

    def _own(self, block: int) -> list[bytes]:
        return list(_leaves(block, until=self._size))


def _leaves(block: int, *, until: int | None = None) -> Iterable[bytes]:
    end = (block + 1) * SIZE if until is None else min((block + 1) * SIZE, until)
    found = Leaf.objects.filter(number__gte=block * SIZE, number__lt=end).order_by("number")
    return map(bytes, found.values_list("hash", flat=True))
