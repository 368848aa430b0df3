"""Audit entries as an auditor reads them: a page at a time, narrowed by whatever stands in the address.

The latest come first; those of one ticket in their own order, as its life. Every page begins at a key of an index, so
that the last of a million entries is as near as the first. What a reader is to sign without knowing the others' words
stays hidden here too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, F, Func, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Left, Length

from approvals import entry_words, history
from approvals.audit import acting
from approvals.filters import Traits
from approvals.inbox import LARGEST
from approvals.models import AuditEntry, Seal, Ticket

PAGE = 50
#: So much of somebody's words stands in the list; all of them are on the page of the entry.
LONG = 400
#: More entries than this are many.
COUNTED = 1_000
#: So many values of a column are offered to choose from.
OFFERED = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Each value is looked up behind the one before: a million entries of forty kinds cost forty steps in the index.
_VALUES = """
WITH RECURSIVE found AS (
    (SELECT {0} AS value FROM approvals_auditentry WHERE {0} IS NOT NULL ORDER BY {0} LIMIT 1)
    UNION ALL
    SELECT (SELECT {0} FROM approvals_auditentry WHERE {0} > found.value ORDER BY {0} LIMIT 1)
    FROM found WHERE found.value IS NOT NULL
)
SELECT value FROM found WHERE value IS NOT NULL LIMIT %s
"""


@dataclass(frozen=True, kw_only=True)
class Wanted(Traits):
    """Which entries."""

    person: str = ""
    ticket: str = ""
    action: str = ""
    kind: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One entry in words."""

    entry: AuditEntry
    who: str
    words: str
    #: Reason, answer or error, as far as the list shows it; and how long it is.
    note: str
    length: int
    #: What the hashed body says beside the facts: the way of sign-in, the ticket as it stood.
    told: dict[str, Any]
    is_hidden: bool
    is_erased: bool

    @property
    def ticket(self) -> dict[str, Any]:
        """The ticket as it stood then; empty where it is about none, or the digest is not to be known yet."""
        found = {} if self.is_hidden else self.told.get("ticket")
        return found if isinstance(found, dict) else {}

    @property
    def method(self) -> str:
        """How whoever acted had signed in; empty where nobody had."""
        method = str(self.told.get("method") or "")
        return method if self.entry.actor_id and not self.is_hidden and method != acting.SYSTEM else ""

    @property
    def facts(self) -> str:
        """Its plain facts, where no sentence tells them."""
        facts = self.told.get("facts")
        return entry_words.told(facts) if isinstance(facts, dict) and not entry_words.is_life(self.entry) else ""

    @property
    def is_cut(self) -> bool:
        """Is there more of the note than the list shows?"""
        return self.length > len(self.note)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some entries, and where the next ones begin; empty on the last page."""

    lines: list[Line]
    following: str


def page(
    user: User,
    wanted: Wanted,
    *,
    ticket: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: str = "",
) -> Page:
    """One page of what is wanted, of which the form has read the numbers and the times."""
    found, lead = _narrowed(user, wanted)
    if since:
        found = found.filter(at__gte=since)
    if until:
        found = found.filter(at__lt=until)
    key = _key(after)
    placed = _living(found.filter(ticket=ticket), after=key) if ticket else _placed(found, lead=lead, after=key)
    rows = list(_shown(placed)[: PAGE + 1])
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return Page(lines=_lines(user, rows[:PAGE]), following=_cursor(last) if last else "")


def one(user: User, entry_id: int) -> Line | None:
    """One entry with all that the database holds of it."""
    entry = _shown(AuditEntry.objects.select_related("payload").filter(pk=entry_id), cut=False).first()
    return _lines(user, [entry])[0] if entry else None


def kinds() -> list[str]:
    """The kinds of entries that there are."""
    return _values("type")


def actions() -> list[str]:
    """The actions that entries are about, as many as are offered."""
    return _values("action")


def blind(user: User, *, ticket: int | None = None) -> QuerySet[Ticket]:
    """Tickets, or the one, that this reader is to sign without knowing what the others said."""
    found = Ticket.objects.blind_to(user)
    return found.filter(pk=ticket) if ticket else found


def _narrowed(user: User, wanted: Wanted) -> tuple[QuerySet[AuditEntry], str]:
    """What is wanted, and the column that the fewest entries of it are found by; empty where none narrows it."""
    values = {"actor": _person(wanted.person), "action": wanted.action, "type": wanted.kind}
    exact = {column: value for column, value in values.items() if value}
    lead = min(exact, key=lambda column: _few(column, exact[column])) if len(exact) > 1 else next(iter(exact), "")
    # As a range, and sorted by it too: what the planner thinks of the value cannot lead it to another index.
    found = AuditEntry.objects.filter(**{f"{lead}__gte": exact[lead], f"{lead}__lte": exact[lead]} if lead else {})
    found = found.filter(**{column: value for column, value in exact.items() if column != lead})
    if wanted.person and exact["actor"] != user.pk:  # a hidden opinion is not told by looking for its author either
        found = found.exclude(type__in=history.OPINIONS, ticket__in=blind(user))
    return found, lead


def _person(name: str) -> int:
    """The person of this name; -1 for nobody's, 0 where nobody is asked for."""
    known = User.objects.filter(username=name).values_list("pk", flat=True).first() if name else 0
    return -1 if known is None else known


def _few(column: str, value: Any) -> int:
    """How many entries there are of it, counted so far that it can be told from many."""
    return AuditEntry.objects.filter(**{column: value}).order_by()[:COUNTED].count()


def _placed(found: QuerySet[AuditEntry], *, lead: str, after: tuple[datetime, int] | None) -> QuerySet[AuditEntry]:
    if after:
        found = found.filter(Q(at__lt=after[0]) | Q(pk__lt=after[1]), at__lte=after[0])
    return found.order_by(*([f"-{lead}"] if lead else []), "-at", "-pk")


def _living(found: QuerySet[AuditEntry], *, after: tuple[datetime, int] | None) -> QuerySet[AuditEntry]:
    return found.filter(pk__gt=after[1] if after else 0).order_by("pk")


def _shown(found: QuerySet[AuditEntry], *, cut: bool = True) -> QuerySet[AuditEntry]:
    """With its words, which are read where they lie: the arguments beside them may be long."""
    told = Coalesce(_told("message"), _told("error"), Value(""), output_field=TextField())
    seals = Seal.objects.filter(size__gt=OuterRef("leaf__number")).order_by("size")
    return found.annotate(
        said=Left(told, LONG) if cut else told,
        length=Length(told),
        has_payload=ExpressionWrapper(Q(payload__isnull=False), output_field=BooleanField()),
        place=F("leaf__number"),
        sealed_at=Subquery(seals.values("at")[:1]),
        sealed_by=Subquery(seals.values("size")[:1]),
    )


def _told(name: str) -> Func:
    return Func(F("payload__body"), Value(name), function="approvals_told", output_field=TextField())


def _lines(user: User, rows: Iterable[Any]) -> list[Line]:
    rows = list(rows)
    asked = {row.ticket_id for row in rows if history.is_of_another(row, user)}
    hidden = set(blind(user).filter(pk__in=asked).values_list("pk", flat=True)) if asked else set()
    return [_line(row, is_hidden=row.ticket_id in hidden and history.is_of_another(row, user)) for row in rows]


def _line(entry: Any, *, is_hidden: bool) -> Line:
    try:
        told, facts = entry.told, dict(entry.told.get("facts") or {})
        who, words = ("A reviewer", history.OPINIONS[entry.type]) if is_hidden else entry_words.of(entry, facts)
    except (ValueError, TypeError, AttributeError, RecursionError):  # somebody else wrote these bytes
        told, who, words = {}, "", entry_words.UNREADABLE
    return Line(
        entry=entry,
        who=who,
        words=words,
        note="" if is_hidden else entry.said,
        length=0 if is_hidden else entry.length,
        told=told,
        is_hidden=is_hidden,
        is_erased=bool(told.get("payload")) and not entry.has_payload,
    )


def _cursor(last: AuditEntry) -> str:
    return f"{(last.at - _EPOCH) // _MICROSECOND}-{last.pk}"


def _key(after: str) -> tuple[datetime, int] | None:
    """Time and id of the last entry of the page before; None for what is no cursor of ours."""
    time, _, entry_id = after.partition("-")
    if not (after.isascii() and time.isdecimal() and entry_id.isdecimal() and len(after) < 40):
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(time)), min(int(entry_id), LARGEST)
    except OverflowError:
        return None


def _values(column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_VALUES.format(column), [OFFERED])
        return [value for (value,) in cursor.fetchall()]
