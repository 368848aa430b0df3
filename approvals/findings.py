"""What our own code makes of the arguments beside earlier ones: what is out of the ordinary, what is different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from approvals import cards, complaints, differences, masks, patterns, salience, schemas, wording
from approvals.models import Decision, Ticket
from approvals.states import TicketState

#: So many earlier ones of the same kind are looked at; fewer than ENOUGH say nothing about what is usual.
LAST, ENOUGH, SHOWN = 60, 5, 5
#: Larger or smaller by this factor than what is usual.
FACTOR = 3
#: A text is new where fewer than this were seen to differ: most notes are new every time.
FEW_KINDS = 20
#: A page does not wait longer for a schema.
PATIENCE = 0.05


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at. `is_odd`: somebody should look too."""

    words: str
    is_odd: bool = False
    #: Could it be looked at at all?
    is_known: bool = True


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All of them, with what came before."""

    found: list[Finding]
    #: The last approved one of this kind, and what is different now.
    last: Ticket | None
    changes: list[differences.Change]
    #: How the last few of this kind ended.
    decided: list[Ticket]


def of(ticket: Ticket, *, reader: Any) -> Findings:
    """Of what this reader may see. One query, and one for who decided."""
    same = Ticket.objects.visible_to(reader).filter(graph=ticket.graph, action=ticket.action).exclude(pk=ticket.pk)
    ended = list(same.to_compare().resolved()[:LAST])
    approved = [earlier for earlier in ended if earlier.state == TicketState.APPROVED]
    decided, last = ended[:SHOWN], approved[0] if approved else None
    prefetch_related_objects(decided, Prefetch("decisions", Decision.objects.select_related("reviewer")))
    return Findings(
        found=[_schema(ticket), *_unusual(ticket, [masks.value(earlier.args) for earlier in approved])],
        last=last,
        changes=differences.of(last.args, ticket.args, ticket.args_schema) if last else [],
        decided=decided,
    )


def _schema(ticket: Ticket) -> Finding:
    if why := schemas.put_aside(ticket.args_schema):
        return Finding(words=why, is_odd=True)
    if not ticket.args_schema:
        return Finding(words="No schema came with this action: nothing but its shape was checked.", is_known=False)
    try:
        wrong = schemas.errors(ticket.args, ticket.args_schema, seconds=PATIENCE)
    except schemas.Unusable as why:
        said = patterns.unnamed(str(why))
        return Finding(words=f"Whether the arguments fit the action’s schema cannot be told: {said}.", is_odd=True)
    if wrong:
        where = wording.visible(masks.pointer(wrong[0].absolute_path))
        words = f"Does not fit the action’s schema: {where} {complaints.of(wrong[0])}."
        return Finding(words=words, is_odd=True)
    return Finding(words="The arguments fit the action’s schema.")


def _unusual(ticket: Ticket, earlier: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    if len(earlier) < ENOUGH:
        before = f"only {wording.counted(len(earlier), 'approval')}" if earlier else "no approval"
        verb = "are" if len(earlier) > 1 else "is"
        yield Finding(words=f"There {verb} {before} of this kind to compare it with.", is_known=False)
        return
    args = masks.value(ticket.args)
    names = salience.names(args, ticket.args_schema, cards.kept(ticket.card).salient)
    odd = [finding for name in names if name in args for finding in _compared(name, args[name], earlier)]
    yield from odd or [Finding(words=f"Nothing out of the ordinary beside the last {len(earlier)} approved.")]


def _compared(name: str, value: Any, earlier: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    known = [args[name] for args in earlier if name in args]
    label = wording.words_of(name)
    if _is_number(value):
        usual = [number for number in known if _is_number(number)]
        middle = median(usual) if len(usual) >= ENOUGH else 0
        if middle > 0 and value >= FACTOR * middle:
            words = (
                f"{label}: {value / middle:,.0f} times the middle of the last {len(usual)} approved ({middle:,.2f})."
            )
            yield Finding(words=words, is_odd=True)
    elif isinstance(value, str) and value not in known and len({str(one) for one in known}) < FEW_KINDS:
        words = f"{label}: {wording.in_short(value)} is in none of the last {len(earlier)} approved."
        yield Finding(words=words, is_odd=True)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
