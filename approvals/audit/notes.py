"""Signed heads in the formats of C2SP: a tlog-checkpoint inside a signed note, with Ed25519. Pure.

    countersign/1f0e…        the log
    1042                     how many entries
    9jUq…=                   the head of the tree over them, base64
    time 2026-11-21T20:00:00+00:00

    — countersign 3kF0…=     who signs: the key's id and the signature, base64

Any tool that reads such checkpoints can check them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from approvals.audit import tree

#: What the key is called in every signature; its id tells keys apart.
NAME = "countersign"
_ED25519 = b"\x01"
_SIGNED_BY = "— "
_LONGEST = 10_000


class BadNote(ValueError):
    """This is not a signed head, or not one that this key signed."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """What a seal says."""

    origin: str
    size: int
    root: bytes
    time: str = ""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What stands beside a note in the database, so that nobody has to read it: all of it is in what was signed."""

    root: bytes
    #: What the next seal grows from.
    edge: bytes
    at: str

    def fits(self, head: Head) -> bool:
        """Is it what the head says?"""
        try:
            grown = tree.edge(head.size, self.edge).root()
            is_same_moment = not head.time or datetime.fromisoformat(self.at) == datetime.fromisoformat(head.time)
        except (ValueError, TypeError):
            return False
        return is_same_moment and self.root == head.root == grown


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A key that seals are checked with."""

    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell it from others."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_base64(_ED25519 + self.raw)}"


def public(key: Ed25519PrivateKey) -> PublicKey:
    """The public half, under our name."""
    return PublicKey(name=NAME, raw=key.public_key().public_bytes_raw())


def text(head: Head) -> str:
    """What is signed."""
    lines = [head.origin, str(head.size), _base64(head.root)]
    return "\n".join([*lines, f"time {head.time}"] if head.time else lines) + "\n"


def signed(head: Head, key: Ed25519PrivateKey) -> str:
    """The head as a signed note."""
    said, by = text(head), public(key)
    signature = by.id + key.sign(said.encode())
    return f"{said}\n{_SIGNED_BY}{by.name} {_base64(signature)}\n"


def read(note: str) -> Head:
    """What a note says, whoever signed it. Raises BadNote."""
    try:
        origin, size, root, *more = _split(note)[0].removesuffix("\n").split("\n")
        head = Head(
            origin=origin,
            size=int(size) if size.isascii() and size.isdecimal() else -1,
            root=base64.b64decode(root, validate=True),
            time=next((line.removeprefix("time ") for line in more if line.startswith("time ")), ""),
        )
    except ValueError as error:
        raise BadNote("This is not a signed head: it needs a log, a size and a root.") from error
    if not head.origin or head.size < 0 or len(head.root) != 32 or str(head.size) != size:
        raise BadNote("This is not a signed head: its size or its root cannot be.")
    return head


def opened(note: str, keys: Iterable[PublicKey]) -> Head:
    """What a note says that one of these keys signed. Raises BadNote."""
    said, signatures = _split(note)
    for key in keys:
        found = [raw for name, raw in signatures if name == key.name and raw[:4] == key.id]
        if found:
            _check(said, key=key, signature=found[0][4:])
            return read(note)
    raise BadNote("No key that is known here signed this head.")


def read_keys(written: str) -> list[PublicKey]:
    """The public keys of a file: lines `name+id+key`, or PEM. Raises BadNote."""
    if "-----BEGIN" in written:
        return [_from_pem(written)]
    return [_from_line(line.strip()) for line in written.splitlines() if line.strip()]


def read_private(path: Path) -> Ed25519PrivateKey:
    """The key of a PEM file. Raises BadNote where it is none."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise BadNote(f"{path} holds no private key in PEM without a password.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadNote(f"{path} holds a key of another kind than Ed25519.")
    return key


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    said, gap, below = note[:_LONGEST].rpartition("\n\n")
    lines = below.removesuffix("\n").split("\n")
    if not gap or not lines or not all(line.startswith(_SIGNED_BY) for line in lines):
        raise BadNote("This is not a signed note.")
    return f"{said}\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_SIGNED_BY).partition(" ")
    try:
        return name, base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise BadNote("This is not a signed note: a signature is no base64.") from error


def _check(said: str, *, key: PublicKey, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, said.encode())
    except InvalidSignature:
        raise BadNote("The signature does not belong to this head.") from None


def _from_pem(written: str) -> PublicKey:
    try:
        key = serialization.load_pem_public_key(written.encode())
    except ValueError as error:
        raise BadNote("This holds no public key.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadNote("This holds a key of another kind than Ed25519.")
    return PublicKey(name=NAME, raw=key.public_bytes_raw())


def _from_line(line: str) -> PublicKey:
    name, _, rest = line.partition("+")
    number, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise BadNote(f"{line!r} is no public key.") from error
    key = PublicKey(name=name, raw=raw[1:])
    if raw[:1] != _ED25519 or len(raw) != 33 or key.id.hex() != number:
        raise BadNote(f"{line!r} is no public key, or its id belongs to another.")
    return key


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
