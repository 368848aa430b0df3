"""Twelve kinds of tampering with an export, many cases each: all are found, and the first bad entry is named.

COUNTERSIGN_TAMPERING=5000 runs as many of each kind.
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Callable

import pytest

from approvals.audit import lines, notes, tree
from approvals.audit.findings import Report
from tests.audit.records import KEY, OTHER_KEY, Line, Record, entry, sealed, with_hash, written

CASES = int(os.environ.get("COUNTERSIGN_TAMPERING", "100"))
KEYS = [notes.public(KEY)]

#: Does it to the lines in place; returns the first place that is touched.
Tamper = Callable[[list[Line], random.Random], int]


def places(told: list[Line]) -> list[int]:
    """Where in the file the entries are: their place in the tree is how many came before."""
    return [n for n, line in enumerate(told) if "leaf" in line]


def renumber(told: list[Line]) -> None:
    """Close the gaps: whoever took something out numbers the rest anew."""
    for leaf, n in enumerate(places(told)):
        told[n]["leaf"] = leaf


def said_otherwise(line: Line) -> str:
    return "reject" if '"approve"' in line["body"] else "approve"


def change_a_word(told: list[Line], chance: random.Random) -> int:
    leaf, n = chance.choice(list(enumerate(places(told))))
    told[n]["body"] = told[n]["body"].replace("alice", "carol")
    return leaf


def change_and_hash(told: list[Line], chance: random.Random) -> int:
    leaf, n = chance.choice(list(enumerate(places(told))))
    told[n] = with_hash(told[n], said_otherwise(told[n]))
    return leaf


def change_a_payload(told: list[Line], chance: random.Random) -> int:
    leaf, n = chance.choice(list(enumerate(places(told))))
    told[n]["payload"]["body"] = '{"message":"Yes, of course."}'
    return leaf


def rewrite_a_chain(told: list[Line], chance: random.Random) -> int:
    """One entry and all that follows in its stream, so that every link fits."""
    leaf, n = chance.choice(list(enumerate(places(told))))
    told[n] = with_hash(told[n], said_otherwise(told[n]))
    last = told[n]
    for m in places(told):
        if m > n and told[m]["stream"] == last["stream"]:
            said = "approve" if '"approve"' in told[m]["body"] else "reject"
            told[m] = last = with_hash({**told[m], "prev": last["hash"]}, said)
    return leaf


def delete_one(told: list[Line], chance: random.Random) -> int:
    leaf, n = chance.choice(list(enumerate(places(told))))
    del told[n]
    return leaf


def delete_one_and_renumber(told: list[Line], chance: random.Random) -> int:
    leaf = delete_one(told, chance)
    renumber(told)
    return leaf


def delete_many(told: list[Line], chance: random.Random) -> int:
    found = list(enumerate(places(told)))
    gone = sorted(chance.sample(found, chance.randrange(2, len(found))))
    for _, n in reversed(gone):
        del told[n]
    return gone[0][0]


def delete_a_stream(told: list[Line], chance: random.Random) -> int:
    stream = told[chance.choice(places(told))]["stream"]
    first = next(leaf for leaf, n in enumerate(places(told)) if told[n]["stream"] == stream)
    told[:] = [line for line in told if line.get("stream") != stream]
    if chance.random() < 0.5:
        renumber(told)
    return first


def delete_the_tail(told: list[Line], chance: random.Random) -> int:
    found = places(told)
    left = chance.randrange(1, len(found))
    del told[found[left] :]
    return left


def delete_all(told: list[Line], chance: random.Random) -> int:
    told[:] = [line for line in told if "seal" in line] if chance.random() < 0.5 else []
    return 0


def insert(told: list[Line], chance: random.Random) -> int:
    leaf, n = chance.choice(list(enumerate(places(told))))
    where = chance.choice([told[n], {"stream": "ticket/99", "seq": 1, "prev": "00" * 32}])
    told.insert(n, entry(where["stream"], where["seq"], where["prev"], leaf=leaf, said="approve"))
    if chance.random() < 0.5:
        renumber(told)
    return leaf


def reorder(told: list[Line], chance: random.Random) -> int:
    one, other = sorted(chance.sample(list(enumerate(places(told))), 2))
    told[one[1]], told[other[1]] = told[other[1]], told[one[1]]
    if chance.random() < 0.5:
        renumber(told)
    return one[0]


def swap_streams(told: list[Line], chance: random.Random) -> int:
    found = list(enumerate(places(told)))
    one = chance.choice(found)
    other = chance.choice([place for place in found if told[place[1]]["stream"] != told[one[1]]["stream"]])
    (first, n), (_, m) = sorted([one, other])
    told[n]["stream"], told[m]["stream"] = told[m]["stream"], told[n]["stream"]
    return first


def replay(told: list[Line], chance: random.Random) -> int:
    found = places(told)
    again = copy.deepcopy(told[chance.choice(found[:-1])])
    leaf = chance.randrange(again["leaf"] + 1, len(found))
    again["leaf"] = chance.choice([again["leaf"], leaf])
    is_renumbered = again["leaf"] == leaf
    told.insert(found[leaf], again)
    if is_renumbered:
        renumber(told)
    return leaf


def forge_a_seal(told: list[Line], chance: random.Random) -> int:
    """Another root, another signature, or another key over what is there."""
    n = chance.choice([n for n, line in enumerate(told) if "seal" in line])
    head = notes.read(told[n]["seal"])
    wrong = notes.Head(origin=head.origin, size=head.size, root=bytes(32))
    told[n]["seal"] = chance.choice(
        [
            notes.signed(head, OTHER_KEY),
            told[n]["seal"].replace(notes._base64(head.root), notes._base64(wrong.root)),
            notes.signed(wrong, OTHER_KEY),
        ]
    )
    return sum("leaf" in line for line in told[:n]) - 1


def rewrite_and_seal_anew(told: list[Line], chance: random.Random) -> int:
    """All from one entry on, sealed with a key of one's own."""
    return _seal_anew(told, rewrite_a_chain(told, chance), OTHER_KEY)


def roll_back_and_go_on(told: list[Line], chance: random.Random) -> int:
    """Whoever has the key too: only the head that was kept elsewhere knows."""
    return _seal_anew(told, rewrite_a_chain(told, chance), KEY)


def _seal_anew(told: list[Line], leaf: int, key: object) -> int:
    edge = tree.Edge()
    for n, line in enumerate(told):
        if "leaf" in line:
            edge.append(bytes.fromhex(line["hash"]))
        elif edge.size > leaf:
            told[n] = sealed(edge, key)
    return leaf


KINDS: list[Tamper] = [
    change_a_word,
    change_and_hash,
    change_a_payload,
    rewrite_a_chain,
    delete_one,
    delete_one_and_renumber,
    delete_many,
    delete_a_stream,
    delete_the_tail,
    delete_all,
    insert,
    reorder,
    swap_streams,
    replay,
    forge_a_seal,
    rewrite_and_seal_anew,
    roll_back_and_go_on,
]
#: Here the very entry is named; elsewhere all hashes fit, and what is named are the entries between two seals.
EXACT = {change_a_word, change_a_payload, delete_one, delete_many, delete_all}


def inspected(told: list[Line], head: notes.Head | None = None) -> Report:
    return lines.inspect(written(told), keys=KEYS, head=head)


@pytest.mark.parametrize("tamper", KINDS, ids=lambda kind: kind.__name__)
def test_tampering_is_found_and_the_first_bad_entry_is_named(tamper: Tamper) -> None:
    for number in range(CASES):
        chance = random.Random(f"{tamper.__name__} {number}")
        record = Record(chance) if number % 10 == 0 else record  # noqa: F821 - the last one, ten times
        told = copy.deepcopy(record.lines)
        place = tamper(told, chance)
        first = inspected(told, record.head).first
        assert first, f"case {number} was not found"
        is_exact = tamper in EXACT and first.kind not in {"rolled back", "older than the head"}
        until = first.leaf if is_exact or first.until is None else first.until
        assert first.leaf is not None and until is not None
        assert first.leaf <= place <= until, f"case {number}: {place} is bad, said was {first}"


def test_a_record_that_nobody_touched_is_whole() -> None:
    for number in range(100):
        record = Record(random.Random(number))
        report = inspected(record.lines, record.head)
        assert not report.damage and report.signatures_checked


def test_what_was_kept_when_the_record_was_smaller_still_fits() -> None:
    record = Record(random.Random(1))
    heads = [notes.read(line["seal"]) for line in record.lines if "seal" in line]
    assert not any(inspected(record.lines, head).damage for head in heads)


def test_entries_without_a_seal_are_held_against_their_chains() -> None:
    record = Record(random.Random(2))
    fresh = [{**record.write("ticket/1"), "leaf": None} for _ in range(3)]
    whole = record.lines[: -len(fresh)]
    assert not inspected([*whole, *fresh]).damage
    first = inspected([*whole, fresh[0], fresh[2]]).first
    assert first and (first.kind, first.stream, first.seq) == ("missing", "ticket/1", fresh[1]["seq"])


@pytest.mark.parametrize("line", ["", "{", "[]", "7", '{"leaf": 3}', '{"seal": 3}', '{"leaf":"x","seq":"y"}', "null"])
def test_what_is_no_entry_is_named_by_its_line(line: str) -> None:
    record = Record(random.Random(3))
    told = written(record.lines)
    report = lines.inspect([*told[:4], f"{line}\n", *told[4:]], keys=KEYS)
    if line:
        assert report.first and report.first.kind in {"unreadable", "forged seal"}
    else:
        assert not report.damage


@pytest.mark.parametrize("header", ["", "{}", "[]", "hello", '{"format": "other/1"}'])
def test_what_is_no_export_is_refused(header: str) -> None:
    with pytest.raises(notes.BadNote):
        lines.inspect([header])


def test_an_erased_payload_is_counted_and_a_lost_one_is_damage() -> None:
    record = Record(random.Random(4))
    gone = record.lines[0]
    told = [{**gone, "payload": None}, *record.lines[1:]]
    first = inspected(told).first
    assert first and (first.kind, first.leaf) == ("payload", 0)


def test_what_a_forged_file_calls_a_stream_gives_no_orders_to_a_terminal() -> None:
    told = [entry("ticket/\x1b[2J\u202e1\udc80", 3, "00" * 32, leaf=0, said="approve")]
    said = "\n".join(inspected(told).lines())
    assert "\x1b" not in said and "U+001B" in said
    assert said.encode()


def test_a_file_that_was_cut_off_between_two_seals_is_not_whole() -> None:
    record = Record(random.Random(1))
    report = inspected(record.lines[:-1])
    assert report.first and (report.first.kind, report.first.until) == ("unsealed", record.edge.size - 1)
