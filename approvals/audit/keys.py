"""The key that seals are signed with: a file outside the database."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from approvals.audit import notes

FILE, PUBLIC_FILE = "seal_key", "seal_key.pub"


def private() -> Ed25519PrivateKey:
    """The key of COUNTERSIGN_SEAL_KEY, or one that is made once in the data dir. Raises OSError or BadNote."""
    path = _path()
    if not path.exists() and not settings.COUNTERSIGN_SEAL_KEY:
        _make(path)
    key = notes.read_private(path)
    _publish(notes.public(key))
    return key


def known() -> list[notes.PublicKey]:
    """The public keys that this machine knows of; none where nothing was sealed here."""
    with suppress(FileNotFoundError):
        return notes.read_keys((settings.DATA_DIR / PUBLIC_FILE).read_text())
    path = _path()
    return [notes.public(notes.read_private(path))] if path.exists() else []


def _path() -> Path:
    configured: Path | None = settings.COUNTERSIGN_SEAL_KEY
    return configured or settings.DATA_DIR / FILE


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Written aside and linked: two workers that start together end up with one and the same key.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _publish(key: notes.PublicKey) -> None:
    """Keep the public half where `verify_audit` and people find it: every key that ever signed here."""
    path = settings.DATA_DIR / PUBLIC_FILE
    told = path.read_text() if path.exists() else ""
    if str(key) not in told.splitlines():
        with path.open("a") as out:
            out.write(f"{key}\n")
