"""A web process does not stop in the middle of a request to look through all that it ever loaded."""

from __future__ import annotations

import subprocess
import sys

COUNTED = "import gc, hitl_site.asgi; print(gc.get_freeze_count(), len(gc.get_objects()))"


def test_what_was_loaded_is_not_looked_through_again() -> None:
    told = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True, timeout=120)
    kept, looked_at = map(int, told.stdout.split())
    assert kept > 100_000
    assert looked_at < kept / 100
