"""Canonical JSON (RFC 8785) and the digests made from it. Pure."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import rfc8785

#: Domain separation as in RFC 6962: a leaf never collides with a tree node.
LEAF = b"\x00"


class NotCanonical(ValueError):
    """The value has no canonical JSON form: {reason}."""


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value.

    Raises NotCanonical for what JSON cannot carry safely: integers beyond ±(2^53 - 1), NaN and
    infinities, lone surrogates, keys that are not strings.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise NotCanonical(f"The value has no canonical JSON form: {error}") from error


def of_json(value: Any) -> str:
    """The digest of any JSON value: 64 hexadecimal digits. Raises NotCanonical."""
    return hashlib.sha256(canonical(value)).hexdigest()


def of_revision(*, graph: str, thread_id: str, action: str, number: int, args: dict[str, Any]) -> str:
    """The digest that binds a decision to exactly what was shown: 64 hexadecimal digits."""
    shown = {"action": action, "args": args, "graph": graph, "revision": number, "thread_id": thread_id}
    return hashlib.sha256(canonical(shown)).hexdigest()


def of_action(*, graph: str, action: str, args: dict[str, Any]) -> str:
    """The digest of an action wherever it is proposed: 64 hexadecimal digits."""
    return hashlib.sha256(canonical({"action": action, "args": args, "graph": graph})).hexdigest()


def of_entry(*, prev: bytes, body: bytes) -> bytes:
    """The hash of an audit entry over its predecessor's hash and its canonical body: 32 bytes."""
    return hashlib.sha256(LEAF + prev + body).digest()


def of_payload(*, salt: bytes, body: bytes) -> str:
    """The salted hash of what an entry says of people: nobody guesses a short text from it. 64 hexadecimal digits."""
    return hashlib.sha256(salt + body).hexdigest()


def alike(left: Any, right: Any) -> bool:
    """The same JSON value. Python's `==` is no help: it takes True for 1, and an edit would be lost.

    What has no canonical form is like nothing: the caller then treats it as changed.
    """
    try:
        return canonical(left) == canonical(right)
    except NotCanonical:
        return False


def same(left: str, right: str) -> bool:
    """Equality that takes the same time wherever the two differ."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))
