"""The named queries over tickets.

Whom a ticket asks stands in the ticket itself (`asked`, `asked_now`) and how urgent it is in an index, so that
the first page of ten thousand is read in order and not sorted. The planner has to see which groups a reader is
in, so they are fetched first. No index finds what is *not* asked of somebody: but of all that waits there are few
circles of people who are asked, and those are looked up first too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.postgres.search import SearchQuery
from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Prefetch, Q, prefetch_related_objects
from django.db.models.functions import Now

from approvals import lexemes, states
from approvals.models.attention import Claim, Handover, Seen, Snooze, SnoozeQuerySet
from approvals.models.signatures import Decision, TicketRequirement
from approvals.models.urgency import URGENCY
from approvals.states import TicketState

if TYPE_CHECKING:
    from approvals.models.tickets import Ticket


#: Looked up one by one up to here: a condition for each of hundreds takes longer than to look at every ticket.
MOST_CIRCLES = 50

#: What a row of a list is drawn from.
DRAWN = (
    *("graph", "thread_id", "action", "args_schema", "card", "risk", "gate", "policy_name", "policy"),
    *("allowed_decisions", "best_guess", "guess_fits", "bar_requester", "on_timeout", "escalations", "least_signers"),
    *("shortage", "state", "outcome", "revision", "requester__username", "deadline_at", "resolved_at", "execution"),
    *("handover__ticket", "handover__giver__username", "handover__receiver__username"),
)

#: What an earlier one is compared by: its arguments, and how it ended.
COMPARED = ("gate", "policy_name", "state", "outcome", "revision", "resolved_at")


class Circle(NamedTuple):
    """The groups that some tickets ask, and those of them whose turn it is."""

    asked: list[int]
    asked_now: list[int]


#: Each circle of what waits, read from one end of an index to the other by as many probes as there are circles.
_CIRCLES = """
WITH RECURSIVE circle AS (
    (SELECT asked, asked_now FROM approvals_ticket WHERE state = 'pending' ORDER BY asked, asked_now LIMIT 1)
    UNION ALL
    SELECT following.* FROM circle, LATERAL (
        SELECT asked, asked_now FROM approvals_ticket
        WHERE state = 'pending' AND (asked, asked_now) > (circle.asked, circle.asked_now)
        ORDER BY asked, asked_now LIMIT 1
    ) AS following
) SELECT asked, asked_now FROM circle
"""


def circles() -> list[Circle]:
    """Whom the tickets that wait ask: each circle once, however many tickets there are."""
    with connection.cursor() as cursor:
        cursor.execute(_CIRCLES)
        return [Circle(*row) for row in cursor.fetchall()]


def circles_of_others(user: Any) -> list[Circle]:
    """Those of which this user may see every ticket, and whose turn is not theirs.

    One more than MOST_CIRCLES where there are more: nobody looks those up one by one, so the rest is not read.
    """
    mine, sees_all = groups_of(user), user.has_perm("approvals.view_ticket")
    if not (mine or sees_all):
        return []
    theirs = " WHERE NOT asked_now && %s::int[] AND (%s OR asked && %s::int[]) LIMIT %s"
    with connection.cursor() as cursor:
        cursor.execute(_CIRCLES + theirs, [mine, sees_all, mine, MOST_CIRCLES + 1])
        return [Circle(*row) for row in cursor.fetchall()]


def groups_of(user: Any) -> list[int]:
    """The ids of the user's groups; fetched once for each user object, as Django does with permissions.

    None for somebody who is switched off: nobody asks them.
    """
    if not hasattr(user, "_group_ids"):
        user._group_ids = list(user.groups.order_by().values_list("pk", flat=True)) if user.is_active else []
    found: list[int] = user._group_ids
    return found


def _asked_for(query: str) -> SearchQuery:
    return SearchQuery(query, search_type="raw", config="simple")


def _barred(user: Any) -> Q:
    return Q(bar_requester=True, requester__isnull=False, requester=user.pk)


def _own_request_for_others(user: Any) -> Q:
    """What this user asked for and may not decide on: they are barred, or nobody asks them, whoever is asked."""
    return Q(requester=user.pk) & (Q(bar_requester=True) | ~Q(asked_now__overlap=groups_of(user)))


def _asks_others(user: Any, among: Collection[Circle]) -> Q:
    """Those of these circles that this user is not in; all that does not ask them, where that would be too many."""
    mine = set(groups_of(user))
    others = [circle for circle in among if not mine.intersection(circle.asked_now)]
    if len(others) > MOST_CIRCLES:
        return ~Q(asked_now__overlap=list(mine))
    return Q(*(Q(asked=circle.asked, asked_now=circle.asked_now) for circle in others), _connector=Q.OR)


def _snoozes_of(user: Any) -> SnoozeQuerySet:
    return Snooze.objects.live().filter(ticket=OuterRef("pk"), person=user.pk)


class TicketQuerySet(models.QuerySet["Ticket"]):
    """Every query has a name; every page starts from what its reader may see."""

    def visible_to(self, user: Any) -> TicketQuerySet:
        """Tickets of the user's groups, the user's own requests, or all for an auditor."""
        if not user.is_active:
            return self.none()
        if user.has_perm("approvals.view_ticket"):
            return self
        return self.filter(Q(requester=user.pk) | Q(asked__overlap=groups_of(user)))

    def pending(self) -> TicketQuerySet:
        """Still waiting for people."""
        return self.filter(state=TicketState.PENDING)

    def live(self) -> TicketQuerySet:
        """Asked or answered, not closed without an answer."""
        return self.exclude(state__in=states.CLOSED)

    def held(self) -> TicketQuerySet:
        """Open, or approved and not delivered: what a run that ends leaves to be closed."""
        return self.filter(Q(state=TicketState.PENDING) | Q(state=TicketState.APPROVED, delivered_at=None))

    def resolved(self) -> TicketQuerySet:
        """No longer waiting, newest first."""
        return self.exclude(state=TicketState.PENDING).order_by("-resolved_at", "-id")

    def overdue(self) -> TicketQuerySet:
        """Pending past the deadline by the database's clock, oldest deadline first."""
        return self.pending().filter(deadline_at__lte=Now()).order_by("deadline_at", "id")

    def undelivered(self) -> TicketQuerySet:
        """Resolved, out of the recall window, and its graph has not heard of it."""
        waiting = (TicketState.APPROVED, TicketState.REJECTED, TicketState.ANSWERED, TicketState.EXPIRED)
        return self.filter(state__in=waiting, delivered_at=None, release_at__lte=Now()).exclude(
            interrupt_id="", about=None
        )

    def needing(self, user: Any) -> TicketQuerySet:
        """Pending tickets on which this user may decide, has not yet, and does not want to put off."""
        return self.waiting_for(user).exclude(Exists(_snoozes_of(user)))

    def snoozed_by(self, user: Any) -> TicketQuerySet:
        """Those that this user has put off, the next to come back first; `until` says when."""
        mine = Snooze.objects.live().filter(person=user.pk)
        until = models.Subquery(mine.filter(ticket=OuterRef("pk")).values("until")[:1])
        # Their ids are fetched first: they are few, and the planner would look through everything that waits.
        found = self.waiting_for(user).filter(pk__in=list(mine.values_list("ticket", flat=True)))
        return found.annotate(until=until).order_by("until", "id")

    def handed_to(self, user: Any) -> TicketQuerySet:
        """Those that somebody asked this user to look at."""
        return self.filter(pk__in=list(Handover.objects.filter(receiver=user).values_list("ticket", flat=True)))

    def waiting_for(self, user: Any) -> TicketQuerySet:
        """Pending tickets on which this user may decide and has not yet."""
        voted = Decision.objects.standing(OuterRef("revision")).filter(ticket=OuterRef("pk"), reviewer=user.pk)
        return self.pending().filter(asked_now__overlap=groups_of(user)).exclude(_barred(user)).exclude(Exists(voted))

    def not_needing(self, user: Any, *, among: Collection[Circle] | None = None) -> TicketQuerySet:
        """Pending tickets that wait for somebody else; `among`: of those that nobody barred them from, and on which
        they have no word, only these circles' are looked for."""
        # Not the negation of the above: few tickets have this user's word, so those are looked up once.
        voted = Decision.objects.standing(F("ticket__revision")).filter(
            ticket__state=TicketState.PENDING, reviewer=user.pk
        )
        others = _own_request_for_others(user) | Q(pk__in=list(voted.values_list("ticket", flat=True)))
        return self.pending().filter(others | _asks_others(user, circles() if among is None else among))

    def concerning(self, user: Any) -> TicketQuerySet:
        """What waits for this user's word, and what they asked for."""
        mine = self.model._default_manager.all().waiting_for(user)
        return self.filter(Q(requester=user.pk) | Q(pk__in=mine.values("pk")))

    def asking(self, user: Any) -> TicketQuerySet:
        """Pending tickets of the user's groups, whoever is to decide next; for an auditor all."""
        if user.has_perm("approvals.view_ticket"):
            return self.pending()
        return self.pending().filter(asked__overlap=groups_of(user))

    def blind_to(self, user: Any) -> TicketQuerySet:
        """Those on which the others' words are hidden from this user, who is asked and has not spoken yet."""
        spoken = Decision.objects.standing(OuterRef("revision")).filter(ticket=OuterRef("pk"), reviewer=user.pk)
        hidden = self.pending().filter(asked__overlap=groups_of(user), policy__blind=True)
        return hidden.exclude(Exists(spoken))

    def stuck(self) -> TicketQuerySet:
        """Pending tickets that nobody can complete."""
        return self.pending().exclude(shortage="")

    def matching(self, text: str) -> TicketQuerySet:
        """Those in whose arguments or words every word of the text begins one."""
        query = lexemes.query(text)
        return self.filter(wordlist__words=_asked_for(query)) if query else self.none()

    def decided_before(self, ticket_id: int) -> TicketQuerySet:
        """The resolved tickets that follow this one in the list; all when it is not resolved."""
        last = self.model._default_manager.filter(pk=ticket_id).values_list("resolved_at", "pk").first()
        if last is None or last[0] is None:
            return self.resolved()
        return self.resolved().filter(Q(resolved_at__lt=last[0]) | Q(resolved_at=last[0], pk__lt=last[1]))

    def by_urgency(self, user: Any = None) -> TicketQuerySet:
        """What was handed to this user first, then by `urgency`, then the oldest."""
        if user is None:
            return self.order_by(URGENCY, "id")
        handed = Exists(Handover.objects.filter(ticket=OuterRef("pk"), receiver=user))
        return self.annotate(is_handed=handed).order_by(F("is_handed").desc(), URGENCY, "id")

    def less_urgent(self, urgency: int, ticket_id: int) -> TicketQuerySet:
        """What follows in `by_urgency()` after the ticket of this urgency and id."""
        ranked = self.alias(rank=URGENCY)
        return ranked.filter(rank__gte=urgency).filter(Q(rank__gt=urgency) | Q(pk__gt=ticket_id))

    def more_urgent(self, urgency: int, ticket_id: int) -> TicketQuerySet:
        """What stands in `by_urgency()` before it, the nearest first."""
        ranked = self.annotate(rank=URGENCY).filter(rank__lte=urgency)
        return ranked.filter(Q(rank__lt=urgency) | Q(pk__lt=ticket_id)).order_by("-rank", "-id")

    def seen_by(self, user: Any) -> TicketQuerySet:
        """Each with `is_seen`: has this user opened it?"""
        return self.annotate(is_seen=Exists(Seen.objects.filter(ticket=OuterRef("pk"), person=user.pk)))

    def with_args(self) -> TicketQuerySet:
        """With the current arguments and nothing that no row draws: an agent's words may be longer than a page."""
        current = self.filter(revisions__number=F("revision"))
        return current.annotate(fetched_args=F("revisions__args"), fetched_author=F("revisions__author")).only(*DRAWN)

    def to_compare(self) -> TicketQuerySet:
        """With the current arguments and how each ended: dozens are looked at for one page."""
        return self.with_args().only(*COMPARED)

    def for_rows(self) -> TicketQuerySet:
        """All that a row needs, in a fixed number of queries."""
        return self.with_args()._looked_after().prefetch_related(*_signing())

    def for_list(self) -> TicketQuerySet:
        """The tickets whole with all that a row needs, in a fixed number of queries."""
        return self._looked_after().prefetch_related("revisions", *_signing())

    def for_programs(self) -> TicketQuerySet:
        """As `for_list`, without who looks after it: no program is told."""
        return self.select_related("requester").prefetch_related("revisions", *_signing())

    def _looked_after(self) -> TicketQuerySet:
        claim = Claim.objects.live().filter(ticket=OuterRef("pk"))
        looked_after = self.annotate(
            claimed_by=models.Subquery(claim.values("holder__username")[:1]),
            claimed_until=models.Subquery(claim.values("expires_at")[:1]),
        )
        return looked_after.select_related("requester", "handover__giver", "handover__receiver")


def fetch_signing(found: Sequence[Ticket]) -> None:
    """Bring along who has to sign and who did, as these rows stand now."""
    prefetch_related_objects(found, *_signing())


def _signing() -> tuple[str | Prefetch[Any], ...]:
    """Who has to sign and who did, as `prefetch_related` takes it."""
    return (
        Prefetch("requirements", TicketRequirement.objects.select_related("group")),
        Prefetch("decisions", Decision.objects.select_related("reviewer")),
        "decisions__reviewer__groups",
    )
