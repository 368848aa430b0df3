"""Records made of nothing: streams, chains, payloads, seals, as the lines of an export."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.audit import notes, tree

KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
HEADER = {"format": "countersign-audit/1", "stream": None}

Line = dict[str, Any]


class Record:
    """Entries of several streams in the order of their places, a seal now and then, and some without a seal."""

    def __init__(self, chance: random.Random, *, entries: int = 24, streams: int = 4) -> None:
        self.chance, self.heads = chance, dict[str, tuple[int, str]]()
        self.edge, self.lines = tree.Edge(), list[Line]()
        for _ in range(entries):
            self.write(f"ticket/{chance.randrange(1, streams + 1)}")
            if chance.random() < 0.25:
                self.seal()
        self.seal()
        self.note = self.lines[-1]["seal"]

    @property
    def head(self) -> notes.Head:
        """The newest head, as somebody keeps it elsewhere."""
        return notes.read(self.note)

    def write(self, stream: str) -> Line:
        """The next entry of a stream."""
        seq, prev = self.heads.get(stream, (0, "00" * 32))
        line = entry(stream, seq + 1, prev, leaf=self.edge.size, said=self.chance.choice(["approve", "reject"]))
        self.heads[stream] = (seq + 1, line["hash"])
        self.edge.append(bytes.fromhex(line["hash"]))
        self.lines.append(line)
        return line

    def seal(self, key: Ed25519PrivateKey = KEY) -> None:
        """A seal over all of them so far."""
        self.lines.append(sealed(self.edge, key))


def sealed(edge: tree.Edge, key: Ed25519PrivateKey = KEY) -> Line:
    """The line of a seal over a tree."""
    head = notes.Head(origin="countersign/drill", size=edge.size, root=edge.root())
    return {"seal": notes.signed(head, key), "size": edge.size}


def entry(stream: str, seq: int, prev: str, *, leaf: int | None, said: str) -> Line:
    """The line of an entry that is in order."""
    payload = {"salt": "ab" * 16, "body": json.dumps({"message": f"{said} it"}, separators=(",", ":"))}
    return with_hash({"leaf": leaf, "id": leaf, "stream": stream, "seq": seq, "prev": prev, "payload": payload}, said)


def with_hash(line: Line, said: str) -> Line:
    """The line with the body that belongs to it, and its hash: what somebody writes who knows how."""
    payload = line["payload"]
    salted = hashlib.sha256(bytes.fromhex(payload["salt"]) + payload["body"].encode()).hexdigest()
    told = {"actor": "alice", "at": "2026-11-21T20:00:00+00:00", "facts": {"decision": said}, "method": "password"}
    told |= {"payload": salted, "prev": line["prev"], "seq": line["seq"], "stream": line["stream"], "ticket": None}
    body = json.dumps({**told, "type": "decision.recorded", "v": 2}, separators=(",", ":"))
    digest = hashlib.sha256(b"\x00" + bytes.fromhex(line["prev"]) + body.encode()).hexdigest()
    return {**line, "body": body, "hash": digest}


def written(lines: list[Line]) -> list[str]:
    """As the file says it."""
    return [json.dumps(line) for line in [HEADER, *lines]]
