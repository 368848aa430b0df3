"""What opens something elsewhere lies locked in the database, under a key that lies outside: Fernet, a key to a line.

The first key of the file locks, each of them opens: a new one is put on top. Without its key nothing is opened, and
nothing is sent.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from approvals import keyfiles

FILE = "vault_key"


class Closed(Exception):
    """It cannot be opened; the sentence says why."""


def lock(words: str) -> str:
    """What is kept of these words; nothing of none. Raises Closed."""
    return _keys(makes=True).encrypt(words.encode()).decode() if words else ""


def open_(kept: str) -> str:
    """The words again. Raises Closed where the key is missing or another."""
    if not kept:
        return ""
    try:
        return _keys().decrypt(kept.encode()).decode()
    except InvalidToken as error:
        raise Closed(f"The key in {_path()} is not the one that it was locked with.") from error


def _keys(*, makes: bool = False) -> MultiFernet:
    path = _path()
    if makes and not path.exists() and not settings.COUNTERSIGN_VAULT_KEY:
        keyfiles.make(path, Fernet.generate_key() + b"\n")
    try:
        return MultiFernet([Fernet(line) for line in path.read_bytes().split()])
    except (OSError, ValueError) as error:
        raise Closed(f"There is no key in {path} that opens what is locked (COUNTERSIGN_VAULT_KEY).") from error


def _path() -> Path:
    configured: Path | None = settings.COUNTERSIGN_VAULT_KEY
    return configured or settings.DATA_DIR / FILE
