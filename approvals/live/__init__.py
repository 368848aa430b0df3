"""What keeps open pages true: the bus, the hub of each web process, the fragments it sends."""

from __future__ import annotations

from approvals.live.bus import announce

__all__ = ["announce"]
