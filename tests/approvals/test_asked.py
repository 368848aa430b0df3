"""A ticket says itself which groups it asks, and the database keeps that true."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client

from approvals import audit, display, inbox, listings, tickets
from approvals.filters import Filters
from approvals.inbox import Tab
from approvals.models import (
    RISK_ORDER,
    URGENCY,
    Ticket,
    TicketRequirement,
    circles,
    circles_of_others,
    nearest_deadline,
    ticket_lists,
    urgency,
)
from approvals.models.urgency import STEP
from tests import factories
from tests.approvals.test_views_inbox import listed


def names(ids: list[int]) -> set[str]:
    return set(Group.objects.filter(pk__in=ids).values_list("name", flat=True))


def asked(ticket: Ticket) -> tuple[set[str], set[str]]:
    """Everybody who may decide, and those whose turn it is."""
    ticket.refresh_from_db()
    return names(ticket.asked), names(ticket.asked_now)


def test_a_new_ticket_asks_the_groups_of_its_policy(transfers: Any, cast: Any) -> None:
    assert asked(factories.open_ticket()) == ({"finance", "reviewers"}, {"finance", "reviewers"})


def test_in_sequence_only_the_next_group_is_asked_now(cast: Any, carol: Any) -> None:
    factories.make_policy("Steps", action="order", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    ticket = factories.open_ticket("order")
    assert asked(ticket) == ({"finance", "reviewers"}, {"finance"})
    factories.decide(ticket, carol)
    assert asked(ticket) == ({"finance", "reviewers"}, {"finance", "reviewers"})


def test_a_requirement_that_goes_asks_nobody(transfers: Any, cast: Any) -> None:
    ticket = factories.open_ticket()
    TicketRequirement.objects.filter(ticket=ticket, group__name="finance").delete()
    assert asked(ticket) == ({"reviewers"}, {"reviewers"})
    TicketRequirement.objects.filter(ticket=ticket).delete()
    assert asked(ticket) == (set(), set())
    audit.append("policy.applied", ticket=tickets.lock(ticket.pk)[0])


@pytest.mark.parametrize("who", ["alice", "bob", "carol", "dave", "frank", "admin"])
def test_every_ticket_that_waits_is_in_one_list_of_each_reader(transfers: Any, cast: Any, who: str) -> None:
    factories.make_policy("Steps", action="order", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    voted = factories.open_ticket(requester=cast["bob"])
    factories.decide(voted, cast["alice"])
    edited = factories.open_ticket()
    factories.decide(edited, cast["carol"])
    factories.decide(edited, cast["alice"], "edit", args={"amount": 1, "to": "bob"})
    for action in ("order", "transfer_money", "send_email"):
        factories.open_ticket(action, requester=cast["dave"])
    mine, others = Ticket.objects.waiting_for(cast[who]), Ticket.objects.not_needing(cast[who])
    assert set(mine) | set(others) == set(Ticket.objects.pending())
    assert not set(mine) & set(others)
    mine, others = inbox.of(cast[who], Tab.YOU), inbox.of(cast[who], Tab.OTHERS)
    assert set(mine) | set(others) == set(Ticket.objects.pending().visible_to(cast[who]))
    assert not set(mine) & set(others)


def test_each_circle_that_is_asked_is_found_once(transfers: Any, cast: Any, carol: Any) -> None:
    factories.make_policy("Steps", action="order", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    for action in ("send_email", "order", "send_email", "order"):
        factories.open_ticket(action)
    factories.decide(factories.open_ticket("order"), carol)
    factories.decide(factories.open_ticket(), carol, "reject")  # what is decided asks nobody
    both = {"finance", "reviewers"}
    assert [(names(circle.asked), names(circle.asked_now)) for circle in circles()] == [
        (both, {"finance"}),
        (both, both),
        ({"reviewers"}, {"reviewers"}),
    ]


def test_an_auditor_reads_no_more_circles_than_are_looked_up_one_by_one(
    transfers: Any, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_policy("Order", action="order", requirements={"security": 1})
    for action in ("order", "send_email", "transfer_money"):
        factories.open_ticket(action)
    assert [len(circles_of_others(cast[who])) for who in ("admin", "frank", "alice", "dave")] == [3, 0, 0, 0]
    monkeypatch.setattr(ticket_lists, "MOST_CIRCLES", 1)
    assert len(circles_of_others(cast["admin"])) == 2
    assert inbox.counts(cast["admin"])[Tab.OTHERS] == 3


def test_nobody_asks_somebody_who_is_switched_off(transfers: Any, alice: Any) -> None:
    factories.open_ticket("send_email")
    alice.is_active = False
    assert [tab for tab in Tab if inbox.of(alice, tab).exists()] == []


#: A moment at which a step of five minutes begins.
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def due(after: timedelta | None, risk: str = "low", **fields: Any) -> Ticket:
    """A ticket that is due so long after noon, or never."""
    ticket = factories.open_ticket(f"act_{risk}")
    Ticket.objects.filter(pk=ticket.pk).update(deadline_at=after if after is None else NOON + after, **fields)
    return ticket


@pytest.fixture
def risks(cast: Any) -> None:
    for risk in RISK_ORDER:
        factories.make_policy(risk, action=f"act_{risk}", risk=risk, requirements={"reviewers": 1})


def test_the_risk_decides_among_deadlines_of_the_same_five_minutes(risks: None, client: Client, alice: Any) -> None:
    never, earlier, later = due(None, "critical"), due(timedelta(0)), due(2 * MICROSECOND)
    medium, high = due(MICROSECOND, "medium"), due(STEP - MICROSECOND, "high")
    first, last = due(-MICROSECOND), due(STEP, "critical")
    escalated = due(timedelta(days=9), escalations=1)
    expected = [escalated, first, high, medium, earlier, later, last, never]
    assert list(Ticket.objects.by_urgency()) == expected
    assert sorted(Ticket.objects.all(), key=display.order) == expected
    assert listed(client, alice, "/") == expected
    place, found = None, []
    for _ in expected:
        page, place = listings.page(Ticket.objects.all(), after=place, limit=1)
        found += page
    assert (found, place) == (expected, None)


def test_a_row_that_is_pushed_knows_the_number_of_the_database(risks: None) -> None:
    chance = random.Random(5)
    spans = [timedelta(microseconds=chance.randrange(-(10**15), 10**15)) for _ in range(6)]
    for span in (None, *spans, timedelta(days=365 * 900)):
        for risk in RISK_ORDER:
            due(span, risk, escalations=chance.randrange(2))
    found = list(Ticket.objects.annotate(computed=URGENCY))
    assert [urgency.of(ticket) for ticket in found] == [ticket.computed for ticket in found]
    near = min(ticket.deadline_at for ticket in found if ticket.deadline_at)
    assert nearest_deadline(ticket.computed for ticket in found) == near


#: One in a hundred of what was decided ended at its deadline or asked Frank, and nothing of it was of low risk.
_PAST = """
INSERT INTO approvals_ticket SELECT made.* FROM approvals_ticket AS template, generate_series(1, 5000) AS n,
LATERAL jsonb_populate_record(template, jsonb_build_object(
    'id', template.id + n, 'thread_id', 'past-' || n, 'risk', 'medium',
    'state', CASE n %% 100 WHEN 0 THEN 'expired' ELSE 'approved' END,
    'outcome', CASE n %% 100 WHEN 0 THEN 'timed_out' ELSE 'approved' END,
    'asked', CASE n %% 100 WHEN 1 THEN %(rare)s::int[] ELSE template.asked END,
    'resolved_at', template.opened_at - make_interval(secs => n)
)) AS made WHERE template.id = %(template)s
"""


@pytest.mark.parametrize("who", ["alice", "frank", "admin"])
def test_what_is_rare_in_the_past_is_found_without_a_walk_through_it(cast: Any, who: str) -> None:
    template = factories.open_ticket("unknown_action")
    rare = [Group.objects.get(name="security").pk]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL session_replication_role = replica")
        cursor.execute(_PAST, {"template": template.pk, "rare": rare})
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE approvals_ticket")
    seen = Ticket.objects.visible_to(cast[who]).resolved()
    for filters in (Filters(state="expired"), Filters(risk="low"), Filters(graph="g"), Filters(action="pay")):
        plan = filters.narrow(seen).values("pk")[:200].explain()
        assert "Seq Scan" not in plan and "ticket_resolved_idx" not in plan, plan
    plan = seen.values("pk")[:200].explain()
    assert ("ticket_past_asked_idx" if who == "frank" else "ticket_resolved_idx") in plan, plan


def test_the_first_page_is_read_from_the_index(risks: None, alice: Any) -> None:
    ranked = {"all": Ticket.objects.pending(), "of_risk": Ticket.objects.pending().filter(risk="high")}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
    for name, found in ranked.items():
        index = "ticket_urgency_idx" if name == "all" else "ticket_of_risk_idx"
        for page in (found.by_urgency(), found.by_urgency().less_urgent(1 << 60, 1)):
            plan = page.values("pk")[:50].explain()
            assert index in plan and "Sort" not in plan, plan
