"""How the record stands, for people: sealed how far and when, what waits, where its heads are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.audit import heads, keys, sealing
from approvals.audit.notes import BadNote
from approvals.audit.sealer import LATE
from approvals.models import HeadExport, Seal

#: Entries without a seal are counted so far and no further.
MOST = 1_000
HERE = "A file in the data dir of this machine"
BEHIND = "It is over {size:,} entries, and the database does not know it: the database is older than this file."


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where heads are kept outside the database."""

    name: str
    #: The head that lies there covers so many entries; 0 where there is none yet.
    size: int
    at: datetime | None
    #: Why the newest is not there.
    error: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """The record as it stands now."""

    size: int
    at: datetime | None
    #: Entries without a seal, one more than MOST where there are more, and how long the oldest has waited.
    waiting: int
    lag: timedelta
    places: list[Place]
    #: Which key signs here; empty where nothing was sealed by this machine.
    key: str

    @property
    def is_late(self) -> bool:
        """Should somebody look whether a worker is alive?"""
        return self.lag > LATE


def now() -> Status:
    """Asked of the database and of the file that it does not hold."""
    seal, waiting = Seal.objects.last(), sealing.waiting(most=MOST + 1)
    try:
        key = str(keys.known()[-1]) if seal and keys.known() else ""
    except (OSError, BadNote):
        key = ""
    return Status(
        size=seal.size if seal else 0,
        at=seal.at if seal else None,
        waiting=waiting,
        lag=sealing.lag() if waiting else timedelta(),
        places=list(_places()),
        key=key,
    )


def _places() -> Iterator[Place]:
    yield _here()
    for place in HeadExport.objects.all():
        # An error that came before the last success is over.
        is_over = place.exported_at and place.failed_at and place.failed_at < place.exported_at
        error = "" if is_over else place.error
        yield Place(name=place.place, size=place.size, at=place.exported_at, error=error)


def _here() -> Place:
    try:
        head = heads.kept()
    except (OSError, BadNote) as error:
        return Place(name=HERE, size=0, at=None, error=str(error))
    if head is None:
        return Place(name=HERE, size=0, at=None, error="")
    at = datetime.fromisoformat(head.time) if head.time else None
    behind = "" if heads.is_known(head) else BEHIND.format(size=head.size)
    return Place(name=HERE, size=head.size, at=at, error=behind)
