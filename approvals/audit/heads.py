"""The newest signed head, kept in a file outside the database.

A database that lacks it was rolled back, restored from an older backup, or replaced: `ahead` tells, and nothing
here ever writes an older head over a newer one.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from approvals.audit import keys, notes
from approvals.audit.notes import Head
from approvals.models import Seal

FILE = "head"


def path() -> Path:
    """Where the newest head of this machine lies."""
    found: Path = settings.DATA_DIR / FILE
    return found


def kept() -> Head | None:
    """The newest head that this machine has seen. Raises BadNote where none of the keys known here signed it."""
    try:
        return notes.opened(path().read_text(errors="replace"), keys.known())
    except FileNotFoundError:
        return None


def is_known(head: Head) -> bool:
    """Does the record in the database go through this head?"""
    return Seal.objects.filter(size=head.size, root=head.root).exists()


def ahead() -> Head | None:
    """The kept head, where the database does not know it; None where all is well. Raises BadNote as `kept`."""
    head = kept()
    return head if head and not is_known(head) else None


def keep() -> Head | None:
    """Put the newest head into the file, unless the database has fallen behind it; that head then."""
    behind, seal = ahead(), Seal.objects.last()
    if behind or not seal:
        return behind
    if (known := kept()) is None or known.size < seal.size:
        _write(seal.note)
    return None


def set_aside() -> None:
    """Put the kept head out of the way, under a name of its own: an operator goes on without what it covers."""
    head = kept()
    if head:
        path().replace(path().with_name(f"{FILE}.{head.size}"))


def _write(note: str) -> None:
    draft = path().with_name(f"{FILE}.{os.getpid()}")
    with draft.open("w") as out:
        out.write(note)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path())
