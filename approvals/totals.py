"""Running totals: what was asked for so far, so that a limit cannot be passed in small steps.

What counts are requests that still wait and those that people or a policy let through within the window,
each with the arguments of its current version. What was refused, ran out of time or was withdrawn does not.

Two tickets opened at once must not both slip under a limit: whoever opens or edits one first takes a lock
on every key that a total in force is about, and holds it until the commit. Tickets that share no key do not
wait for each other.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from approvals import digests
from approvals.conditions import ConditionError, Total

_MISSING = object()

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(key, 4)) FROM unnest(%s::text[]) AS key"

#: Digits as text count as the number they are; below zero counts as nothing, so that it cannot make room.
#: Which blanks may stand around them is written out: the database knows more of them than its own cast takes.
_READ = """
SELECT count(*), coalesce(sum(greatest(amount, 0)), 0), min(ticket_id) FILTER (WHERE odd) FROM (
    SELECT *, value IS NOT NULL AND kind <> 'null' AND amount IS NULL AS odd FROM (
        SELECT *, CASE
            WHEN kind = 'number' THEN value::numeric
            WHEN kind = 'string' AND value #>> '{{}}'
                ~ '^[ \\t\\n\\v\\f\\r]*[+-]?[0-9]{{1,30}}(\\.[0-9]{{1,30}})?[ \\t\\n\\v\\f\\r]*$'
            THEN (value #>> '{{}}')::numeric
        END AS amount FROM (
            SELECT ticket.id AS ticket_id, args #> %(what)s AS value, jsonb_typeof(args #> %(what)s) AS kind
            FROM approvals_ticket AS ticket
            JOIN approvals_revision AS revision
                ON revision.ticket_id = ticket.id AND revision.number = ticket.revision
            WHERE (
                ticket.state = 'pending'
                OR ticket.state <> 'pending'
                AND ticket.resolved_at > statement_timestamp() - make_interval(hours => %(hours)s)
                AND (ticket.state = 'approved' OR (ticket.state = 'answered' AND ticket.answer_releases))
            ) AND ticket.id IS DISTINCT FROM %(ticket)s AND {same}
        ) AS found
    ) AS weighed
) AS judged
"""

_NUMBER = re.compile(r"\s*[+-]?\d{1,30}(\.\d{1,30})?\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The request that totals are about."""

    action: str
    graph: str
    requester_id: int | None
    requester: str
    args: Mapping[str, Any]
    #: A ticket that is weighed again does not count beside itself.
    ticket_id: int | None = None

    def value(self, name: str) -> Any:
        """What stands at `action`, `graph`, `requester` or a path. Raises ConditionError where nothing does."""
        if name in ("action", "graph", "requester"):
            return getattr(self, name)
        value = at(self.args, name)
        if value is _MISSING:
            raise ConditionError(f"there is no {name} to add up by")
        return value


@dataclass(kw_only=True)
class Reader:
    """The totals of one request: each is read once, and what was read is kept for the ticket."""

    subject: Subject
    read: dict[Total, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, total: Total) -> float:
        """The sum or the count so far, without the request itself. Raises ConditionError."""
        if total not in self.read:
            self.read[total] = self._told(total)
        before: float = self.read[total]["before"]
        return before

    def _told(self, total: Total) -> dict[str, Any]:
        by = {name: self.subject.value(name) for name in total.by}
        before = _read(total, self.subject)
        own = addend(self.subject.args, total.what) or 0.0 if total.what else 1
        with_this = before + own
        if not math.isfinite(with_this):
            raise ConditionError(f"{total.what} adds up to more than a number holds")
        return {"what": total.what, "by": by, "hours": total.hours, "before": before, "with_this": with_this}


def lock(totals: Iterable[Total], subjects: Iterable[Subject]) -> None:
    """Take turns with everybody whose request adds to the same totals. The caller is in a transaction.

    All keys at once and in order, so that two requests with several keys never wait for each other.
    """
    groups = {total.by for total in totals}
    keys = {key for subject in subjects for by in groups for key in _key(by, subject)}
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [sorted(keys)])


def amount(value: Any) -> float | None:
    """A number, or digits written as text; None for anything else. The query reads amounts the same way."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def addend(args: Mapping[str, Any], path: str) -> float | None:
    """What a request adds to a total: nothing where there is no amount; None where it is no number."""
    value = at(args, path)
    if value is _MISSING or value is None:
        return 0.0
    number = amount(value)
    return None if number is None else max(number, 0.0)


def at(args: Mapping[str, Any], path: str) -> Any:
    """What stands in the arguments at a path like `args.payment.to`; a mark where nothing does."""
    value: Any = args
    for key in path.split(".")[1:]:
        if not isinstance(value, Mapping) or key not in value:
            return _MISSING
        value = value[key]
    return value


def _key(by: tuple[str, ...], subject: Subject) -> Iterable[str]:
    try:
        same = {name: subject.value(name) for name in by}
    except ConditionError:
        return  # it adds to no such total
    yield digests.canonical(same).decode()


def _read(total: Total, subject: Subject) -> float:
    same, values = _same(total.by, subject)
    what = total.what.split(".")[1:]
    facts = {"what": what, "hours": total.hours, "ticket": subject.ticket_id, **values}
    with connection.cursor() as cursor:
        cursor.execute(_READ.format(same=same), facts)
        number, sum_, odd = cursor.fetchone()
    if not total.what:
        return int(number)
    if odd is not None:
        raise ConditionError(f"{total.what} of ticket {odd} is not a number, so it cannot be added up")
    return float(sum_)


def _same(by: tuple[str, ...], subject: Subject) -> tuple[str, dict[str, Any]]:
    """The SQL that finds requests with the same subject, and its values."""
    parts, values = ["true"], {}
    for number, name in enumerate(by):
        mark = f"by_{number}"
        if name in ("action", "graph"):
            parts.append(f"ticket.{name} = %({mark})s")
            values[mark] = subject.value(name)
        elif name == "requester":
            parts.append(f"ticket.requester_id IS NOT DISTINCT FROM %({mark})s")
            values[mark] = subject.requester_id
        else:
            # The first is what the index knows, the second is equality: "contains" is more for lists and objects.
            parts.append(f"args @> %({mark}_in)s::jsonb AND args #> %({mark}_at)s = %({mark})s::jsonb")
            path = name.split(".")[1:]
            values[f"{mark}_at"], values[mark] = path, json.dumps(subject.value(name))
            values[f"{mark}_in"] = json.dumps(_nested(path, subject.value(name)))
    return " AND ".join(parts), values


def _nested(path: list[str], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value
