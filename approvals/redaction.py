"""Secrets taken out of what is kept or told: by the names of fields, and by how they look. Pure.

What is executed and what a digest binds stays as it is; what is put on record is redacted.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "[redacted]"

#: Fields whose value is a secret, whatever it looks like.
_FIELDS = re.compile(
    r"(?:^|[_\-.\s])(?:password|passwd|passphrase|pwd|secret|api[_\-]?key|access[_\-]?key|private[_\-]?key|"
    r"auth(?:orization)?|credentials?|cookie|session[_\-]?id|(?:access|refresh|auth|bearer|id)[_\-]?token|token|pin|cvv|otp)$",
    re.IGNORECASE,
)
#: Borders between the words of a camelCase name.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHAPES = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!----))*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
            r"\bgh[pousr]_[0-9A-Za-z]{20,255}\b|\bgithub_pat_[0-9A-Za-z_]{20,255}\b",
            r"\bxox[abeoprs]-[0-9A-Za-z-]{10,250}",
            r"\bsk-[0-9A-Za-z_-]{20,250}",
            r"\bcs_[0-9A-Za-z_-]{20,250}",
            r"\bAIza[0-9A-Za-z_-]{35}\b",
            r"\beyJ[0-9A-Za-z_-]{8,4000}\.[0-9A-Za-z_-]{8,8000}\.[0-9A-Za-z_-]{0,1000}",
            r"(?<=[Bb]earer )[0-9A-Za-z._~+/=-]{8,4000}",
            r"(?<=://)[^\s/:@]{1,200}:[^\s/@]{1,200}(?=@)",
        )
    )
)


def redacted(value: Any) -> Any:
    """The same JSON value without the secrets that are recognised in it."""
    if isinstance(value, dict):
        return {key: REDACTED if _is_secret(key, found) else redacted(found) for key, found in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return text(value) if isinstance(value, str) else value


def text(words: str) -> str:
    """The same words without the secrets that are recognised in them."""
    return _SHAPES.sub(REDACTED, words)


def _is_secret(key: Any, value: Any) -> bool:
    """A number or a text in such a field; a flag or nothing tells no secret, and what is nested is looked through."""
    is_told = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    return is_told and bool(_FIELDS.search(_CAMEL.sub("_", str(key))))
