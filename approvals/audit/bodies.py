"""What the canonical bytes of an entry say of its own place and of its payload. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from approvals import digests
from approvals.audit.findings import Entry

#: The entry that says which payloads of its stream were erased.
ERASED = "payload.erased"
_ERASED = f'"type":"{ERASED}"'.encode()


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a body says beside its facts: the hash of its payload, and which payloads it says were erased."""

    payload: str
    erases: tuple[int, ...]


def fits(entry: Entry) -> bool:
    """Does the body say where it stands and what its payload is? Found without reading JSON, for almost all.

    A quote inside a text is escaped, so these bytes are keys and values of the body itself.
    """
    payload = payload_of(entry)
    said = f'"payload":"{payload}"' if payload else '"payload":null'
    told = f'{said},"prev":"{entry.prev.hex()}","seq":{entry.seq},"stream":{quoted(entry.stream)},"ticket":'
    return told.encode(errors="replace") in entry.body and _ERASED not in entry.body and columns_agree(entry)


def read(entry: Entry) -> Told | str:
    """The body, read as JSON: of an older version, without its payload … A sentence where it stands wrong, and an
    empty one where it cannot be read."""
    try:
        told: dict[str, Any] = json.loads(entry.body)
        where, facts = (told["stream"], told["seq"], told["prev"]), told["facts"]
        erases = list(facts.get("erased", [])) if told["type"] == ERASED else []
        payload = told.get("payload") or ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    if where != (entry.stream, entry.seq, entry.prev.hex()):
        return f"{entry.name} stands where {told['stream']} {told['seq']} belongs."
    return Told(payload=str(payload), erases=tuple(seq for seq in erases if isinstance(seq, int)))


def at(entry: Entry) -> str:
    """When it was written, as the body says; empty where it does not."""
    try:
        return str(json.loads(entry.body)["at"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def moment(told: str) -> datetime:
    """The time that is told; before all others where it is none."""
    try:
        return datetime.fromisoformat(told).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)


@lru_cache(maxsize=10_000)
def quoted(text: str) -> str:
    """As it stands in a body. The same few names and streams come again and again."""
    return json.dumps(text, ensure_ascii=False)


def payload_of(entry: Entry) -> str:
    """The salted hash of the payload that is there; empty where there is none."""
    return "" if entry.payload is None else digests.of_payload(salt=entry.salt or b"", body=entry.payload)


def columns_agree(entry: Entry) -> bool:
    """Do the columns that pages show say what the hashed body says?"""
    return entry.body.startswith(entry.begins) and entry.body.endswith(entry.ends)
