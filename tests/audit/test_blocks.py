"""The proof of one place reads the roots of blocks and the leaves of one, and leads to the head all the same."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from approvals.audit import blocks, tree
from approvals.models import Block, Leaf

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SIZE", 8)


def leaves(count: int) -> list[bytes]:
    made = [hashlib.sha256(b"%d" % number).digest() for number in range(count)]
    Leaf.objects.bulk_create([Leaf(number=n, entry_id=n + 1, hash=leaf) for n, leaf in enumerate(made)])
    return made


@pytest.mark.parametrize("size", [1, 7, 8, 9, 16, 17, 63, 64, 65, 100])
@pytest.mark.parametrize("kept", [0, 3, 100])
def test_every_proof_leads_to_the_head(size: int, kept: int) -> None:
    made = leaves(size)
    blocks.keep(min(kept, size))
    root, proofs = tree.root_of(made), blocks.Proofs(size)
    for place, leaf in enumerate(made):
        assert tree.root_from(leaf, place=place, size=size, proof=proofs.of(place)) == root


def test_only_two_blocks_of_leaves_are_read() -> None:
    leaves(100)
    blocks.keep(100)
    with CaptureQueriesContext(connection) as sent:
        blocks.Proofs(100).of(20)
    read = [query["sql"] for query in sent if "approvals_leaf" in query["sql"]]
    assert len(read) == 2
    assert ['"number" < 100' in read[0], '"number" < 24' in read[1]] == [True, True]


def test_roots_that_are_missing_are_made_up_for_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    leaves(100)
    monkeypatch.setattr(blocks, "MOST", 5)
    counted = []
    for _ in range(4):
        blocks.keep(100)
        counted.append(Block.objects.count())
    assert counted == [5, 10, 12, 12]


@pytest.mark.parametrize("change", [lambda rows: rows.update(root=b""), lambda rows: rows.delete()])
def test_a_root_is_written_once(change: Any) -> None:
    leaves(8)
    blocks.keep(8)
    with pytest.raises(DatabaseError, match="written once"), transaction.atomic():
        change(Block.objects.all())
