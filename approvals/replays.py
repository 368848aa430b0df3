"""A request that comes again because its answer got lost: what it asks for is done once, whatever came between."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import connection

from approvals.errors import KeyReused
from approvals.models import KeyedRequest, Ticket

#: One statement where the key is new; where it is being written at this moment, it waits for that to commit.
_NOTE = """
INSERT INTO approvals_keyedrequest (user_id, key, ticket_id, digest) VALUES (%s, %s, %s, %s)
ON CONFLICT (user_id, key) DO NOTHING RETURNING id
"""


@dataclass(frozen=True, kw_only=True)
class Keyed:
    """The key that a request came with, and the digest of what it asks for."""

    key: str
    digest: str


def is_known(request: Keyed | None, *, by: User, ticket: Ticket) -> bool:
    """Was this carried out before? If not, that it is gets noted, and commits with what it does.

    What is refused is noted nowhere and may be tried again. The caller holds the ticket's row lock. Raises KeyReused.
    """
    if request is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [by.pk, request.key, ticket.pk, request.digest])
        if cursor.fetchone():
            return False
    if KeyedRequest.objects.get(user=by, key=request.key).digest != request.digest:
        raise KeyReused
    return True
