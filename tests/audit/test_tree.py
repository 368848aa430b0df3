"""The tree of RFC 6962: known answers, what must fail, and a second implementation that agrees."""

from __future__ import annotations

import hashlib
import random

import pytest

from approvals.audit import tree
from approvals.audit.tree import BadProof

#: The leaves that Certificate Transparency has been tested with since 2012, and the heads over the first n.
DATA = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
HEADS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [hashlib.sha256(b"\x00" + bytes.fromhex(data)).digest() for data in DATA]
SIZES = [(size, place) for size in range(1, 9) for place in range(size)]


def second(leaves: list[bytes]) -> bytes:
    """The definition of the RFC, word for word: split at the largest power of two, from the top."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + second(leaves[:half]) + second(leaves[half:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_heads_are_the_known_ones(size: int) -> None:
    assert tree.root_of(LEAVES[:size]).hex() == HEADS[size]


def test_the_known_proof_of_the_first_leaf_among_eight() -> None:
    assert [step.hex() for step in tree.inclusion(0, tree.levels(LEAVES))] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


@pytest.mark.parametrize(("size", "place"), SIZES)
def test_a_proof_leads_to_the_head(size: int, place: int) -> None:
    proof = tree.inclusion(place, tree.levels(LEAVES[:size]))
    assert tree.root_from(LEAVES[place], place=place, size=size, proof=proof).hex() == HEADS[size]


def leads_to_head(leaf: bytes, *, place: int, size: int, proof: list[bytes]) -> bool:
    try:
        return tree.root_from(leaf, place=place, size=size, proof=proof).hex() == HEADS[8]
    except BadProof:
        return False


@pytest.mark.parametrize(("size", "place"), [(8, place) for place in range(8)])
def test_no_changed_proof_leads_to_the_head(size: int, place: int) -> None:
    leaf, proof = LEAVES[place], tree.inclusion(place, tree.levels(LEAVES))
    changed = [[*proof[:n], bytes([step[0] ^ 1]) + step[1:], *proof[n + 1 :]] for n, step in enumerate(proof)]
    assert not any(leads_to_head(leaf, place=place, size=size, proof=wrong) for wrong in changed)
    assert not leads_to_head(leaf, place=place, size=size, proof=proof[:-1])
    assert not leads_to_head(leaf, place=place, size=size, proof=[*proof, proof[0]])
    assert not leads_to_head(leaf, place=place, size=size, proof=list(reversed(proof)))
    assert not leads_to_head(bytes(32), place=place, size=size, proof=proof)
    for elsewhere in {*range(-1, 9)} - {place}:
        assert not leads_to_head(leaf, place=elsewhere, size=size, proof=proof)


def test_a_second_implementation_agrees_on_a_thousand_random_trees() -> None:
    chance = random.Random(6962)
    for _ in range(1_000):
        leaves = [chance.randbytes(32) for _ in range(chance.randrange(200))]
        assert tree.root_of(leaves) == second(leaves)


def test_an_edge_that_was_kept_goes_on_as_if_it_had_not_been() -> None:
    for size in range(40):
        begun = tree.Edge()
        for leaf in LEAVES * 5:
            if begun.size == size:
                begun = tree.edge(size, begun.kept())
            begun.append(leaf)
        assert begun.root() == tree.root_of(LEAVES * 5)


def test_an_edge_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="not the edge"):
        tree.edge(3, bytes(32))
