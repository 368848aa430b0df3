"""Tokens are made, used, counted and revoked here; the secret is shown once and never kept."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models.functions import Now

from approvals import audit
from approvals.errors import InvalidLifetime, InvalidToken, RateLimited
from approvals.models import Token
from approvals.states import Scope

MARK = "cs_"
#: Characters of the secret that are kept in clear.
SHOWN = 10
DAYS = 90
STREAM = "system/token"

#: One statement, in a table that is never flushed: it counts for all processes together.
_COUNT = """
INSERT INTO approvals_tokenuse AS used (token_id, minute, count)
VALUES (%s, date_trunc('minute', clock_timestamp()), 1)
ON CONFLICT (token_id) DO UPDATE SET
    minute = excluded.minute,
    count = CASE WHEN used.minute = excluded.minute THEN used.count + 1 ELSE 1 END
RETURNING count, ceil(60 - extract(second FROM clock_timestamp()))::int
"""


def create(user: User, *, scope: Scope, actor: User | None, name: str = "", days: int = DAYS) -> tuple[Token, str]:
    """A new token and its secret, which nobody can read again. Raises InvalidLifetime."""
    if not 1 <= days <= DAYS:
        raise InvalidLifetime(most=DAYS)
    secret = _new_secret()
    with transaction.atomic():
        token = Token.objects.create(
            user=user,
            name=name,
            prefix=secret[:SHOWN],
            digest=_digest(secret),
            scope=scope,
            created_at=Now(),
            expires_at=Now() + timedelta(days=days),
        )
        told: dict[str, Any] = {"owner": user.get_username(), "scope": scope.value, "name": name, "days": days}
        audit.append("token.created", stream=STREAM, actor=actor, token=token.pk, prefix=token.prefix, **told)
    return token, secret


def revoke(token_id: int, *, actor: User | None) -> bool:
    """End a token: the next request with it is refused. False where it had ended before."""
    with transaction.atomic():
        token = Token.objects.select_for_update().filter(pk=token_id, revoked_at=None).first()
        if token is None:
            return False
        Token.objects.filter(pk=token_id).update(revoked_at=Now())
        audit.append("token.revoked", stream=STREAM, actor=actor, token=token.pk, prefix=token.prefix)
    return True


def find(secret: str) -> Token:
    """The live token with this secret and its owner, one query. Raises InvalidToken."""
    if not _is_well_formed(secret):
        raise InvalidToken
    token = Token.objects.live().select_related("user").filter(digest=_digest(secret)).first()
    if token is None:
        raise InvalidToken
    return token


def count(token: Token) -> None:
    """One more request with this token. Raises RateLimited when there were too many in this minute."""
    limit = settings.COUNTERSIGN_API_RATE
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [token.pk])
        used, rest = cursor.fetchone()
    if used == 1:
        Token.objects.filter(pk=token.pk).update(last_used_at=Now())
    if used > limit:
        raise RateLimited(limit=f"{limit} a minute", retry_after=rest)


def _new_secret() -> str:
    """256 random bits behind a mark that secret scanners find, with a checksum that tells a typo from a guess."""
    body = MARK + secrets.token_urlsafe(32)
    return body + _checksum(body)


def _is_well_formed(secret: str) -> bool:
    body, checksum = secret[:-8], secret[-8:]
    return secret.isascii() and secret.startswith(MARK) and checksum == _checksum(body)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
