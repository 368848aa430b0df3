"""The small drawings beside words, as paths. Pure."""

from __future__ import annotations

#: Drawn with a stroke on a 16-unit square. Shapes differ, so that colour is never alone.
ICONS = {
    "low": '<circle cx="8" cy="8" r="5.5"/>',
    "medium": '<path d="M8 2.5 14 13H2Z"/>',
    "high": '<path d="M8 1.5 14.5 8 8 14.5 1.5 8Z"/><path d="M8 5v3.5M8 11v.1"/>',
    "critical": '<path d="M5.3 1.8h5.4l3.5 3.5v5.4l-3.5 3.5H5.3l-3.5-3.5V5.3Z"/><path d="M8 4.5V9M8 11.4v.1"/>',
    "pending": '<circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.5 1.5"/>',
    "paused": '<path d="M5.5 3v10M10.5 3v10"/>',
    "running": '<path d="M13.5 8A5.5 5.5 0 1 1 11 3.4M11 1v2.6h2.6"/>',
    "approved": '<path d="m2.5 8.5 3.5 3.5 7.5-8"/>',
    "rejected": '<path d="m3.5 3.5 9 9M12.5 3.5l-9 9"/>',
    "answered": '<path d="M2 3h12v8H7l-3 3v-3H2Z"/>',
    "expired": '<path d="M4 1.5h8M4 14.5h8M5 1.5c0 4 6 4.500 6 6.500s-6 2.500-6 6.500M11 1.5c0 4-6 4.500-6 6.500"/>',
    "none": '<path d="M3 8h10"/>',
}
SAME_ICON = {
    "succeeded": "approved",
    "failed": "rejected",
    "unknown": "expired",
    "started": "running",
    "queued": "pending",
    "cancelled": "none",
    "superseded": "none",
    "not_started": "none",
}


def drawing(name: str) -> str:
    """What is drawn for a risk or a state; a plain line for what has no drawing."""
    return ICONS.get(SAME_ICON.get(name, name), ICONS["none"])
