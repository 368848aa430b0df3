"""The record: facts, hash-chained, written in the transaction of what they record.

Names are looked up when they are used: `python -m approvals.audit.verify` checks an export where there is
neither Django nor a database, and it lives in this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from approvals.audit.chain import append, begin, follow, verify_stream

_HOME = dict.fromkeys(("append", "begin", "follow", "verify_stream"), "approvals.audit.chain")

__all__ = ["append", "begin", "follow", "verify_stream"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(name)
    return getattr(import_module(_HOME[name]), name)
