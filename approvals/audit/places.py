"""Signed heads brought to places that whoever administers the database cannot rewrite.

A folder gets a file for each head and never loses one, a syslog a line, a web address a POST with the note as its
body. Only the newest head goes: it covers the earlier ones. A place that is away is tried again and holds up nobody.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.db.models.functions import Now

from approvals.audit import heads
from approvals.audit.notes import BadNote
from approvals.models import HeadExport, Seal

logger = logging.getLogger(__name__)

#: Heads leave the machine within a minute: a try takes TIMEOUT_SECONDS at most.
PERIOD_SECONDS = 20.0
TIMEOUT_SECONDS = 5.0
#: After this long without the newest head a place is said to lack it.
LATE = timedelta(minutes=2)
FALSE = (
    "The database says that {place} has the signed head over {told} entries, and there are {size}: somebody changed "
    "that. The newest is brought there."
)
#: RFC 5424: facility “log audit” (13), severity “notice” (5).
PRIORITY = 13 * 8 + 5


class NotTaken(Exception):
    """The place did not take the head; the sentence says why."""


def bring() -> None:
    """Bring the newest head to every place that lacks it, and keep how far each has come and what went wrong."""
    # Read before the seal, so that no other worker has come further than the seal that is read.
    reached = _reached()
    seal = Seal.objects.last()
    if seal is None:
        return
    for place in _lacking(reached, least=seal.size, most=seal.size):
        if reached[place] > seal.size:
            logger.error(FALSE.format(place=place, told=reached[place], size=seal.size))
        try:
            _bring(place, seal)
        except (OSError, UnicodeError, NotTaken) as error:
            why = str(error) or type(error).__name__
            logger.error("The signed head over %s entries was not taken by %s: %s", seal.size, place, why)
            _note(place, error=why, failed_at=Now())
        else:
            _note(place, size=seal.size, exported_at=Now(), error="", failed_at=None)


def unreached() -> list[str]:
    """Places that lack a head signed longer ago than LATE, or of which the database says more than there is."""
    if not (reached := _reached()):
        return []
    newest, due = Seal.objects.last(), Seal.objects.filter(at__lt=Now() - LATE).last()
    return _lacking(reached, least=due.size if due else 0, most=newest.size if newest else 0)


def _reached() -> dict[str, int]:
    """How far the heads have come to each place, as the database tells it."""
    known = HeadExport.objects.filter(place__in=settings.COUNTERSIGN_HEAD_PLACES)
    told = dict(known.values_list("place", "size"))
    return {place: told.get(place, 0) for place in settings.COUNTERSIGN_HEAD_PLACES}


def _lacking(reached: Mapping[str, int], *, least: int, most: int) -> list[str]:
    """Where the head does not lie. What claims more than the record holds was changed: one number stops no head."""
    lacking = [place for place, size in reached.items() if not least <= size <= most]
    return [place for place in lacking if reached[place] < least or not _is_rolled_back()]


def _is_rolled_back() -> bool:
    """Then a place may well have come further than the record, and gets no older head."""
    try:
        return heads.ahead() is not None
    except (OSError, BadNote):
        return True


def _note(place: str, **facts: object) -> None:
    HeadExport.objects.update_or_create(place=place, defaults=facts)


def _bring(place: str, seal: Seal) -> None:
    address = urlsplit(place)
    _WAYS[address.scheme](address, seal)


def _into_folder(address: SplitResult, seal: Seal) -> None:
    """A file of its own, under a name that sorts; one that is there already is left as it is."""
    path = Path(address.path) / f"head.{seal.size:012}"
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    except FileExistsError:
        if path.read_text(errors="replace") != seal.note:
            raise NotTaken(f"{path} holds another head over as many entries") from None
        return
    with open(file, "w") as out:
        out.write(seal.note)
        out.flush()
        os.fsync(out.fileno())


def _over_udp(address: SplitResult, seal: Seal) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as out:
        out.sendto(_message(seal), (str(address.hostname), address.port or 514))


def _over_tcp(address: SplitResult, seal: Seal) -> None:
    """With the length in front, as RFC 6587 wants it."""
    said = _message(seal)
    with socket.create_connection((str(address.hostname), address.port or 601), timeout=TIMEOUT_SECONDS) as out:
        out.sendall(b"%d %s" % (len(said), said))


def _to_socket(address: SplitResult, seal: Seal) -> None:
    """The machine's own syslog, such as /dev/log."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as out:
        out.settimeout(TIMEOUT_SECONDS)
        out.connect(address.path)
        out.send(_message(seal))


def _message(seal: Seal) -> bytes:
    """One line of RFC 5424; the lines of the note are parted by `|`, which no note holds."""
    note = seal.note.strip().replace("\n", "|")
    return f"<{PRIORITY}>1 {seal.at:%Y-%m-%dT%H:%M:%S.%fZ} {socket.gethostname()} countersign - head - {note}".encode()


def _over_http(address: SplitResult, seal: Seal) -> None:
    import httpx  # only who has such a place pays for it

    try:
        # What is answered beside the status is not read: somebody who trickles it would hold up every other place.
        with httpx.stream(
            "POST",
            address.geturl(),
            content=seal.note,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=TIMEOUT_SECONDS,
        ) as answer:
            status = answer.status_code
    except httpx.HTTPError as error:
        raise NotTaken(f"{type(error).__name__}: {error}") from error
    if not 200 <= status < 300:
        raise NotTaken(f"it answered {status}")


_WAYS: dict[str, Callable[[SplitResult, Seal], None]] = {
    "file": _into_folder,
    "syslog": _over_udp,
    "syslog+tcp": _over_tcp,
    "syslog+unix": _to_socket,
    "https": _over_http,
    "http": _over_http,
}
