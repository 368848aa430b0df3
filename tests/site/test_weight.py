"""What a page weighs: little enough for a phone in a corridor."""

from __future__ import annotations

from pathlib import Path

JAVASCRIPT = 20_000
STATIC = Path(__file__).resolve().parents[2] / "static"


def test_javascript_of_our_own_is_under_twenty_kilobytes() -> None:
    assert sum(script.stat().st_size for script in STATIC.rglob("*.js")) < JAVASCRIPT
