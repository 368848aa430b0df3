"""The lists of every reader, compared with what plain Python makes of the same tickets."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from approvals import handovers, inbox, snoozes, tickets
from approvals.errors import ApprovalError
from approvals.inbox import Tab
from approvals.models import Ticket, ticket_lists
from tests import factories

REQUIREMENTS: list[dict[str, int]] = [
    {"reviewers": 1},
    {"finance": 1, "security": 1},
    {"security": 1, "finance": 1, "reviewers": 1},
    {"reviewers": 2, "finance": 2},
]
TICKETS, EVENTS = 48, 120


@pytest.fixture
def people(cast: Any) -> list[User]:
    """The cast, an auditor who also reviews, and somebody who was switched off after all had happened."""
    cast["bob"].user_permissions.add(Permission.objects.get(codename="view_ticket"))
    chance = random.Random(7)
    kinds = list(_policies())
    asking = [None, *cast.values()]
    opened = [factories.open_ticket(chance.choice(kinds), requester=chance.choice(asking)) for _ in range(TICKETS)]
    for _ in range(EVENTS):
        with suppress(ApprovalError):  # who may not is refused, and nothing has happened
            _live(chance, chance.choice(opened), chance.choice(list(cast.values())), list(cast.values()))
    User.objects.filter(pk=cast["erin"].pk).update(is_active=False)
    return list(User.objects.filter(pk__in=[person.pk for person in cast.values()]))


def _policies() -> Iterator[str]:
    for number, asked in enumerate(REQUIREMENTS):
        for bar in (True, False):
            fields = {"in_sequence": number > 0, "blind": number % 2 == 0, "bar_requester": bar, "deny_threshold": 2}
            name = f"order_{number}_{bar}"
            factories.make_policy(name, action=name, requirements=asked, recall_seconds=60, **fields)
            yield name


def _live(chance: random.Random, ticket: Ticket, person: User, everybody: list[User]) -> None:
    match chance.choice(["approve", "approve", "reject", "recall", "snooze", "hand over"]):
        case "recall":
            tickets.recall(ticket.pk, actor=person)
        case "snooze":
            snoozes.put_off(ticket.pk, person=person, seconds=3600)
        case "hand over":
            handovers.give(ticket.pk, giver=person, receiver=chance.choice(everybody))
        case word:
            factories.decide(ticket, person, word)


def expected(person: User) -> dict[Tab, set[int]]:
    """What each list of this reader holds: no query but one for each fact."""
    found: dict[Tab, set[int]] = {tab: set() for tab in Tab}
    mine = set(person.groups.values_list("pk", flat=True))
    sees_all = person.has_perm("approvals.view_ticket")
    for ticket in Ticket.objects.filter(state="pending"):
        needs = list(ticket.requirements.all())
        is_asked = bool(mine & {need.group_id for need in needs})
        is_own = ticket.requester_id == person.pk
        if not person.is_active or not (is_asked or is_own or sees_all):
            continue
        if is_asked or sees_all:
            found[Tab.TEAM].add(ticket.pk)
        spoke = any(vote.reviewer_id == person.pk and vote.stands(ticket.revision) for vote in ticket.decisions.all())
        is_turn = bool(mine & {need.group_id for need in needs if not need.waits})
        if is_turn and not spoke and not (is_own and ticket.bar_requester):
            put_off = ticket.snoozes.filter(person=person).exists()
            found[Tab.SNOOZED if put_off else Tab.YOU].add(ticket.pk)
        else:
            found[Tab.OTHERS].add(ticket.pk)
    return found


@pytest.mark.parametrize("most_circles", [50, 0])
def test_every_list_of_every_reader_holds_what_plain_python_finds(
    people: list[User], monkeypatch: pytest.MonkeyPatch, most_circles: int
) -> None:
    monkeypatch.setattr(ticket_lists, "MOST_CIRCLES", most_circles)
    for person in people:
        lists = expected(person)
        assert {tab: set(inbox.ids(person, tab)) for tab in Tab} == lists, person
        assert inbox.counts(person) == {tab: len(lists[tab]) for tab in Tab}, person
    assert {tab for person in people for tab, ids in expected(person).items() if ids} == set(Tab)


def test_a_request_that_nobody_barred_its_requester_from_waits_for_others(cast: Any, dave: Any) -> None:
    factories.make_policy("Open", action="order", requirements={"finance": 1}, bar_requester=False)
    own = factories.open_ticket("order", requester=dave)
    assert inbox.ids(dave, Tab.OTHERS) == [own.pk]
    assert inbox.counts(dave)[Tab.OTHERS] == 1
