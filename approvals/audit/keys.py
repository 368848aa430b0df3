"""The key that seals are signed with: a file outside the database."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from approvals import keyfiles
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
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keyfiles.make(path, pem)


def _publish(key: notes.PublicKey) -> None:
    """Keep the public half where `verify_audit` and people find it: every key that ever signed here."""
    path = settings.DATA_DIR / PUBLIC_FILE
    told = path.read_text() if path.exists() else ""
    if str(key) not in told.splitlines():
        with path.open("a") as out:
            out.write(f"{key}\n")
