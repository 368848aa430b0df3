"""Key files that are made where there is none yet."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def make(path: Path, content: bytes) -> None:
    """Write the file, for its owner alone; one that stands there already stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked: two processes that start together end up with one and the same key.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
