"""Signed heads: what other tools sign we read, what we sign says what was signed, and nothing else passes."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.audit import notes
from approvals.audit.notes import BadNote, Head

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HEAD = Head(origin="countersign/drill", size=7, root=bytes(range(32)), time="2026-11-21T20:00:00+00:00")
#: The example of the signed note format.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_SIGNATURE = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="


def opened(note: str) -> Head:
    return notes.opened(note, [notes.public(KEY)])


def test_what_was_signed_is_what_is_read() -> None:
    assert opened(notes.signed(HEAD, KEY)) == HEAD


def test_the_example_of_the_format_is_signed_by_its_key() -> None:
    said, signatures = notes._split(f"This is an example message.\n\n— example.com/foo {EXAMPLE_SIGNATURE}\n")
    notes._check(said, key=notes.read_keys(EXAMPLE_KEY)[0], signature=signatures[0][1][4:])
    assert str(notes.read_keys(EXAMPLE_KEY)[0]) == EXAMPLE_KEY


def test_a_note_with_a_second_signature_is_read_too() -> None:
    assert opened(notes.signed(HEAD, KEY) + f"— example.com/foo {EXAMPLE_SIGNATURE}\n") == HEAD


@pytest.mark.parametrize(
    ("old", "new"),
    [("7\n", "8\n"), ("drill", "other"), ("AAEC", "BAEC"), ("20:00", "21:00"), ("\n\n", "\nmore\n\n")],
)
def test_whatever_is_changed_in_it_the_signature_does_not_belong_to_it(old: str, new: str) -> None:
    with pytest.raises(BadNote):
        opened(notes.signed(HEAD, KEY).replace(old, new, 1))


def test_another_key_opens_nothing() -> None:
    other = Ed25519PrivateKey.generate()
    with pytest.raises(BadNote, match="No key"):
        opened(notes.signed(HEAD, other))


@pytest.mark.parametrize("note", ["", "\n", "7\n\n— countersign x\n", "a\n-1\nAAAA\n\n— a AAAA\n", "a\nb\n\nno dash\n"])
def test_what_is_no_signed_head_is_refused(note: str) -> None:
    with pytest.raises(BadNote):
        notes.read(note)


@pytest.mark.parametrize("line", ["countersign", "countersign+00000000+AAAA", EXAMPLE_KEY.replace("530d", "630d")])
def test_what_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(BadNote):
        notes.read_keys(line)
