"""Stored facts as rows for reading: arguments, who signed. No query of its own.

Our code draws the arguments from what is stored; nothing an agent says about them takes part, and
nothing is cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.utils.crypto import salted_hmac

from approvals import cards, masks, quorum, salience, wording
from approvals.models import Decision, Ticket, urgency
from approvals.states import DecisionType, Gate, Outcome

#: Below this depth a value is shown as JSON: deeper nesting helps nobody and breaks the page.
DEPTH = 4
#: A value of more parts is shown as JSON too: whole, but not in a table that takes a second to draw.
MANY = 300
LONG = 400
#: Sorts after every moment.
NEVER = "never"

ENDINGS = {
    Outcome.APPROVED: "Approved",
    Outcome.EDITED: "Approved with edits",
    Outcome.REJECTED: "Rejected",
    Outcome.ANSWERED: "Answered",
    Outcome.TIMED_OUT: "Closed at its deadline",
    Outcome.UNOPPOSED: "Approved by its deadline: nobody stopped it",
    Outcome.BEST_GUESS: "Answered with the agent’s own best guess",
    Outcome.CANCELLED: "Withdrawn",
    Outcome.SUPERSEDED: "Superseded: the agent went on to something else",
}
#: Whose word it was that ended a ticket.
ENDED_BY: dict[str, frozenset[str]] = {
    Outcome.APPROVED: quorum.SIGNS,
    Outcome.EDITED: quorum.SIGNS,
    Outcome.REJECTED: frozenset({DecisionType.REJECT}),
    Outcome.ANSWERED: frozenset({DecisionType.RESPOND}),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One value with its name. `kind` chooses how it is drawn."""

    key: str
    label: str
    type: str
    kind: str
    text: str = ""
    size: str = ""
    rows: list[Row] = field(default_factory=list)
    #: Does it matter more than the others?
    leads: bool = False
    #: Is it the one that says most?
    is_headline: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """A requirement with the votes that fill it and how many are still open."""

    groups: list[str]
    needed: int
    votes: list[Decision]

    @property
    def group(self) -> str:
        """Whose place it is; of several groups any member may take it."""
        return wording.listed(self.groups, last="or")

    @property
    def open(self) -> range:
        """One for each signature still missing."""
        return range(self.needed - len(self.votes))


@dataclass(frozen=True, kw_only=True)
class Signatures:
    """Who must sign and who did."""

    places: list[Place]

    @property
    def needed(self) -> int:
        """All signatures together."""
        return sum(place.needed for place in self.places)

    @property
    def given(self) -> int:
        """Those that count now."""
        return sum(len(place.votes) for place in self.places)

    @property
    def missing(self) -> int:
        """Those still to come."""
        return self.needed - self.given


def headline(ticket: Ticket, args: dict[str, Any] | None = None) -> str:
    """What will happen, in one line drawn from the stored arguments: by the action's card, else from its name."""
    shown = masks.value(ticket.args if args is None else args)
    return cards.headline(cards.kept(ticket.card), shown) or wording.sentence(ticket.action, shown, ticket.args_schema)


def ticket_rows(ticket: Ticket) -> list[Row]:
    """The current arguments, what matters most first and marked."""
    args, schema = masks.value(ticket.args), masks.schema(ticket.args_schema)
    return led(rows(args, schema), salience.names(args, schema, cards.kept(ticket.card).salient))


def led(plain: list[Row], names: list[str]) -> list[Row]:
    """The rows with the headline in front, then those of these names in their order, then the rest as it was."""
    places = {name: place for place, name in enumerate(names)}
    found = [replace(one, leads=one.key in places, is_headline=one.key == names[0]) for one in plain]
    return sorted(found, key=lambda one: places.get(one.key, len(places)))


def rows(args: dict[str, Any], schema: dict[str, Any] | None = None, *, depth: int = DEPTH) -> list[Row]:
    """One row for each argument, in the order of the schema."""
    known = schema.get("properties") if isinstance(schema, dict) else None
    known = known if isinstance(known, dict) else {}
    return [row(key, value, known.get(key), depth=depth) for key, value in wording.in_order(args, schema)]


def row(key: str, value: Any, schema: Any = None, *, depth: int = DEPTH) -> Row:
    """A value drawn by what it is, not by what its schema says it is."""
    named = partial(Row, key=key, label=wording.label_of(key, schema))
    match value:
        case None:
            return named(type="null", kind="nothing", text="null")
        case bool():
            return named(type="yes or no", kind="text", text="Yes" if value else "No")
        case int() | float():
            return named(type="number", kind="number", text=wording.as_json(value))
        case masks.Mask():
            return named(type="hidden", kind="secret", text=value)
        case str():
            return _text_row(named, value)
        case [] | {} if not value:
            kind = "list" if isinstance(value, list) else "object"
            return named(type=kind, kind="nothing", text=f"empty {kind}")
        case dict() | list() if parts_of(value) > MANY:
            return named(type="JSON", kind="json", text=wording.as_json(value, indent=2))
        case dict() if depth > 1:
            inner = rows(value, schema if isinstance(schema, dict) else None, depth=depth - 1)
            return named(type="object", kind="object", rows=inner)
        case list() if depth > 1:
            inner = [row(str(n), item, depth=depth - 1) for n, item in enumerate(value, start=1)]
            return named(type="list", kind="list", rows=inner, size=wording.counted(len(value), "item"))
        case _:
            return named(type="JSON", kind="json", text=wording.as_json(value, indent=2))


def parts_of(value: Any) -> int:
    """How many values there are in it, itself included."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(parts_of, inner))


def _text_row(named: Callable[..., Row], value: str) -> Row:
    if not value.strip():
        return named(type="text", kind="nothing", text="empty text" if not value else f"blank: {value!r}")
    long = len(value) > LONG or value.count("\n") > 10
    size = wording.counted(len(value), "character") if long else ""
    return named(type="text", kind="long" if long else "text", text=value, size=size)


def order(ticket: Ticket, reader: Any = None) -> str:
    """What a list sorts the ticket by, as text that sorts the same way: `by_urgency`, or `resolved` from the end."""
    if not ticket.is_open:
        return f"{_moment(ticket.resolved_at)} {ticket.pk:019d}"
    handed = None if reader is None else ticket.handed_over
    is_handed = handed is not None and handed.receiver_id == reader.pk
    rank = 0 if is_handed else 1 if ticket.escalations else 2
    return f"{rank} {urgency.of(ticket):019d} {ticket.pk:019d}"


def same(ticket: Ticket) -> str:
    """A mark that is equal for tickets which ask for exactly the same; keyed, so that it confirms no guess."""
    asked = json.dumps([ticket.graph, ticket.action, ticket.args], sort_keys=True)
    return salted_hmac("approvals.display.same", asked, algorithm="sha256").hexdigest()[:16]


def _moment(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") if moment else NEVER


def signatures(ticket: Ticket, *, blind: bool = False) -> Signatures:
    """Who must sign and whose word counts now; reads what `for_list` fetched.

    `blind`: every word fills a place. That fewer have signed than have decided would tell what they said.
    """
    needs = [quorum.Need(group=need.group.name, needed=need.needed) for need in ticket.requirements.all()]
    signed = {vote.reviewer_id: vote for vote in ticket.decisions.all() if _counts(vote, ticket, blind=blind)}
    votes = [_as_vote(vote) for vote in signed.values()]
    given = quorum.tally(needs, votes).given
    free = sorted(votes, key=lambda vote: len(vote.groups))
    places = []
    for need, count in zip(needs, given, strict=True):
        here = [vote for vote in free if need.group in vote.groups][:count]
        free = [vote for vote in free if vote not in here]
        places.append(Place(groups=[need.group], needed=need.needed, votes=[signed[vote.reviewer] for vote in here]))
    return Signatures(places=[place for place in places if place.needed] + _anybody(ticket, places, free, signed))


def _anybody(ticket: Ticket, places: list[Place], free: list[quorum.Vote], signed: dict[int, Decision]) -> list[Place]:
    """The places that any group may fill: an escalation asks the next group and never for fewer people."""
    more = ticket.least_signers - sum(place.needed for place in places)
    if more <= 0:
        return []
    groups = [group for place in places for group in place.groups]
    votes = [signed[vote.reviewer] for vote in free if vote.groups & set(groups)][:more]
    return [Place(groups=groups, needed=more, votes=votes)]


def rejections(ticket: Ticket) -> int:
    """How many words against it stand, as people count who may still say them."""
    against = (vote for vote in ticket.decisions.all() if vote.type == DecisionType.REJECT and vote.reviewer.is_active)
    return sum(vote.stands(ticket.revision) for vote in against)


def ending(ticket: Ticket) -> str:
    """How a ticket ended, and by whom: "Rejected by bob", "Closed at its deadline"."""
    if ticket.outcome == Outcome.AUTO_APPROVED and ticket.gate != Gate.AUTO:
        return "Approved as before"
    if ticket.outcome == Outcome.AUTO_APPROVED:
        return f"Approved by the policy “{ticket.policy_name}”"
    return f"{ENDINGS[Outcome(ticket.outcome)]} {ended_by(ticket)}".strip()


def ended_by(ticket: Ticket) -> str:
    """`by alice and erin`: whose word on the last version ended it; empty where nobody's did."""
    ending = ENDED_BY.get(ticket.outcome, frozenset())
    names = [vote.reviewer.username for vote in _last_words(ticket) if vote.type in ending]
    return f"by {wording.listed(names)}" if names else ""


def signed(ticket: Ticket) -> list[Decision]:
    """The signatures under the last version of a ticket that has ended, whoever is in which group by now."""
    return [vote for vote in _last_words(ticket) if vote.type in quorum.SIGNS]


def _last_words(ticket: Ticket) -> Iterator[Decision]:
    return (vote for vote in ticket.decisions.all() if vote.stands(ticket.revision))


def _counts(vote: Decision, ticket: Ticket, *, blind: bool) -> bool:
    barred = ticket.bar_requester and vote.reviewer_id == ticket.requester_id
    signs = vote.type in ticket.signs and vote.reviewer_id != ticket.barred_editor_id
    return vote.stands(ticket.revision) and (signs or blind) and vote.reviewer.is_active and not barred


def _as_vote(vote: Decision) -> quorum.Vote:
    groups = frozenset(group.name for group in vote.reviewer.groups.all())
    return quorum.Vote(reviewer=vote.reviewer_id, type=DecisionType.APPROVE, groups=groups)
