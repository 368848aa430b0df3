"""The record: facts, hash-chained, written in the transaction of what they record."""

from __future__ import annotations

from approvals.audit.chain import append, begin, follow, verify_stream

__all__ = ["append", "begin", "follow", "verify_stream"]
