"""The lists of the inbox: what waits for this reader, for the team, for others, and what was put off.

The number in the heading, in the tab and in the title, the filters with their counts and the rows of the page
all come from one query, so they cannot say different things. It looks at a thousand tickets and no further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import Group, User
from django.db.models import TextChoices

from approvals import display
from approvals.filters import Filters
from approvals.models import URGENCY, Claim, Snooze, Ticket, TicketQuerySet, circles_of_others, nearest_deadline
from approvals.states import TicketState

PAGE = 50
#: What a bigint holds.
LARGEST = 2**63 - 1
#: Counted so far and no further: "1,000+".
MOST = 1_000
#: So many of the decided ones say what they can be narrowed by.
LOOKED_AT = 200
#: So many values of a trait are offered to filter by.
OFFERED = 12


class Tab(TextChoices):
    """The lists of what waits, by whose turn it is."""

    YOU = "", "Waiting for you"
    TEAM = "team", "Team"
    OTHERS = "others", "Waiting for others"
    SNOOZED = "snoozed", "Snoozed"


class Mark(NamedTuple):
    """One waiting ticket, as little of it as counting, filtering and sorting need."""

    id: int
    urgency: int
    risk: str
    graph: str
    action: str
    requester: str | None
    asked: list[int]
    state: str

    @property
    def cursor(self) -> str:
        """Where the next page goes on."""
        return f"{self.urgency}-{self.id}"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One page of one list."""

    tickets: list[Ticket]
    #: All that were counted, of all pages.
    ids: list[int]
    nearest: datetime | None
    offers: dict[str, list[tuple[str, int]]]
    #: The address of the next page ends with this; empty on the last one.
    following: str

    @property
    def count(self) -> int:
        """How many there are; one more than MOST where there are more."""
        return len(self.ids)


def of(user: User, tab: Tab) -> TicketQuerySet:
    """The tickets of a tab for this reader.

    Whom a ticket asks may see it: to say so once more would hide from the planner how many there are.
    """
    match tab:
        case Tab.YOU:
            return Ticket.objects.needing(user)
        case Tab.TEAM:
            return Ticket.objects.asking(user)
        case Tab.OTHERS:
            return Ticket.objects.visible_to(user).not_needing(user, among=circles_of_others(user))
        case Tab.SNOOZED:
            return Ticket.objects.snoozed_by(user)


def counts(user: User, **known: int) -> dict[Tab, int]:
    """How many tickets are in each tab; one more than MOST where there are more. What is known is not asked for."""
    return {tab: known[tab.name] if tab.name in known else _counted(of(user, tab)) for tab in Tab}


def neighbour(user: User, ticket: Ticket, *, tab: Tab, filters: Filters, is_next: bool) -> Ticket | None:
    """The one that is next less or more urgent than this ticket, wherever that is by now, among those of a list."""
    urgency = Ticket.objects.filter(pk=ticket.pk).values_list(URGENCY, flat=True)[0]
    rest = filters.narrow(of(user, tab)).exclude(pk=ticket.pk)
    found = rest.by_urgency().less_urgent(urgency, ticket.pk) if is_next else rest.more_urgent(urgency, ticket.pk)
    return found.first()


def ids(user: User, tab: Tab) -> list[int]:
    """The tickets of a tab, as far as they are counted."""
    return list(of(user, tab).order_by().values_list("pk", flat=True)[: MOST + 1])


def urgencies(user: User, tab: Tab) -> list[int]:
    """How urgent the tickets of a tab are, as far as they are counted."""
    return list(of(user, tab).by_urgency().values_list(URGENCY, flat=True)[: MOST + 1])


def next_for(user: User, *, after: int = 0) -> list[int]:
    """What this reader had best take up next, the most urgent first, without what a colleague is on.

    `after` is left for later: what comes behind it is offered first, and itself not at all.
    """
    free = of(user, Tab.YOU).exclude(
        pk__in=list(Claim.objects.live().exclude(holder=user).values_list("ticket", flat=True))
    )
    handed = list(free.handed_to(user).by_urgency().values_list("pk", flat=True)[:PAGE])
    found = list(dict.fromkeys([*handed, *free.by_urgency().values_list("pk", flat=True)[:PAGE]]))
    behind = found[found.index(after) + 1 :] if after in found else []
    if after and not behind:
        behind = _behind(free.exclude(pk__in=handed), after)
    return [ticket_id for ticket_id in dict.fromkeys([*behind, *found]) if ticket_id != after]


def _behind(free: TicketQuerySet, after: int) -> list[int]:
    """The next less urgent ones, however many come before them; none where the ticket itself is not there any more."""
    urgency = free.filter(pk=after).values_list(URGENCY, flat=True).first() if after else None
    if urgency is None:
        return []
    return list(free.less_urgent(urgency, after).by_urgency().values_list("pk", flat=True)[:PAGE])


def returns(user: User) -> datetime | None:
    """When the next of those that the reader put off comes back."""
    mine = Snooze.objects.live().filter(person=user, ticket__state=TicketState.PENDING)
    return mine.order_by("until").values_list("until", flat=True).first()


def listing(user: User, tab: Tab, *, filters: Filters, after: str = "") -> Listing:
    """One page of a tab, the most urgent first, what was handed to the reader before everything."""
    found = filters.narrow(of(user, tab))
    ranked = found if tab is Tab.SNOOZED else found.by_urgency()
    handed = _marks(ranked.handed_to(user), most=PAGE - 1) if tab is Tab.YOU else []
    rest = ranked.exclude(pk__in=[mark.id for mark in handed]) if handed else ranked
    marks = handed + _marks(rest, most=MOST + 1)
    cursor = place(after)
    page = _marks(rest.less_urgent(*cursor), most=PAGE + 1) if cursor else marks[: PAGE + 1]
    return Listing(
        tickets=_rows(page[:PAGE], reader=user),
        ids=[mark.id for mark in marks],
        nearest=nearest_deadline(mark.urgency for mark in marks),
        offers=offers(marks, filters),
        following=page[PAGE - 1].cursor if len(page) > PAGE else "",
    )


def folded(tickets: Iterable[Ticket]) -> list[list[Ticket]]:
    """The tickets in their order, but those that ask for exactly the same with the first of them."""
    same: dict[str, list[Ticket]] = {}
    for ticket in tickets:
        same.setdefault(display.same(ticket), []).append(ticket)
    return list(same.values())


def decided(user: User, *, filters: Filters, after: str = "") -> Listing:
    """One page of what was decided, the latest first."""
    visible = Ticket.objects.visible_to(user)
    is_id = after.isdecimal() and len(after) < 19
    found = filters.narrow(visible.decided_before(int(after)) if is_id else visible.resolved())
    marks = _marks(found, most=LOOKED_AT)
    return Listing(
        tickets=_rows(marks[:PAGE], reader=user),
        ids=[mark.id for mark in marks],
        nearest=None,
        offers=offers(marks, filters),
        following=str(marks[PAGE - 1].id) if len(marks) > PAGE else "",
    )


def offers(marks: Sequence[Mark], filters: Filters) -> dict[str, list[tuple[str, int]]]:
    """What these can still be narrowed by: for each trait its values, the frequent ones first.

    One value is offered too, for the address is kept and others may come; but what waits is all in one state.
    """
    names = dict(Group.objects.values_list("pk", "name"))
    found: dict[str, Iterable[Any]] = {
        "risk": (mark.risk for mark in marks),
        "action": (mark.action for mark in marks),
        "graph": (mark.graph for mark in marks),
        "group": (names[group] for mark in marks for group in mark.asked if group in names),
        "requester": (mark.requester for mark in marks if mark.requester),
        "state": (mark.state for mark in marks if mark.state != TicketState.PENDING),
    }
    counted = {trait: Counter(values).most_common(OFFERED) for trait, values in found.items()}
    return {trait: values for trait, values in counted.items() if values and trait not in filters.on}


def _counted(tickets: TicketQuerySet) -> int:
    return tickets.order_by()[: MOST + 1].count()


def _marks(ranked: TicketQuerySet, *, most: int) -> list[Mark]:
    rows = ranked.annotate(urgency=URGENCY).values_list(
        "pk", "urgency", "risk", "graph", "action", "requester__username", "asked", "state"
    )
    return [Mark(*row) for row in rows[:most]]


def place(after: str) -> tuple[int, int] | None:
    """Urgency and id of the last ticket of the page before; None for what is no cursor of ours."""
    urgency, _, ticket_id = after.partition("-")
    if not (after.isascii() and urgency.isdecimal() and ticket_id.isdecimal() and len(after) < 40):
        return None
    return min(int(urgency), LARGEST), min(int(ticket_id), LARGEST)


def _rows(marks: Sequence[Mark], *, reader: User) -> list[Ticket]:
    """The tickets whole, in the order of their marks."""
    found = Ticket.objects.for_rows().seen_by(reader).in_bulk([mark.id for mark in marks])
    return [found[mark.id] for mark in marks if mark.id in found]
