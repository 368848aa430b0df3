"""The record: facts, hash-chained, written in the transaction of what they record."""

from __future__ import annotations

from approvals.audit.chain import append, verify_stream

__all__ = ["append", "verify_stream"]
