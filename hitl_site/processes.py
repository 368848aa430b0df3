"""Child processes that never outlive their parent, and questions about other processes."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: a child between fork and exec must not import or allocate more than it has to.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(order: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel, in the child, to send `order` when the parent dies, however it dies."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(order))


def runs(pid: int, *, program: str, argument: str) -> bool:
    """Whether `pid` is alive and is this program with this argument, not a number used again."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return sys.platform != "linux" and _alive(pid)
    except PermissionError:
        return False
    return os.path.basename(os.fsdecode(words[0])) == program and os.fsencode(argument) in words


def gone(pid: int, *, within: float) -> bool:
    """Wait up to `within` seconds for a process that is not our child to end."""
    deadline = time.monotonic() + within
    while _alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
