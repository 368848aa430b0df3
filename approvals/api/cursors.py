"""Where a list goes on, as text that a program hands back as it is. It names a place and opens nothing."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict
from datetime import datetime

from approvals.errors import InvalidArguments
from approvals.listings import Place


def written(place: Place | None) -> str | None:
    """The cursor of a place."""
    if place is None:
        return None
    facts = {**asdict(place), "at": place.at.isoformat() if place.at else None}
    return urlsafe_b64encode(json.dumps(list(facts.values())).encode()).decode().rstrip("=")


def read(cursor: str | None) -> Place | None:
    """The place of a cursor. Raises InvalidArguments for one that is not ours."""
    if not cursor:
        return None
    try:
        is_open, ticket_id, urgency, at = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        when = None if at is None else datetime.fromisoformat(at)
        return _checked(Place(is_open=is_open is True, id=int(ticket_id), urgency=int(urgency), at=when))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidArguments([{"path": "query/cursor", "message": "this is no cursor of ours"}]) from error


def _checked(place: Place) -> Place:
    """A time with its zone, and numbers that the database knows."""
    if place.at is None and not place.is_open:
        raise ValueError("nothing is resolved at no time")
    if place.at is not None and place.at.tzinfo is None:
        raise ValueError("a time without a zone")
    if not all(0 <= number < 2**63 for number in (place.id, place.urgency)):
        raise ValueError("no such number")
    return place
