"""A row is drawn once for all who are told the same, and anew as soon as it says something else."""

from __future__ import annotations

from typing import Any

from django.test import Client

from approvals import claims, inbox, rows
from approvals.inbox import Tab
from approvals.models import Ticket, nearest_deadline
from tests import factories


def row(ticket: Ticket, **reader: Any) -> str:
    return rows.drawn(rows.of(Ticket.objects.for_rows().get(pk=ticket.pk), **reader))


def drawn() -> int:
    return rows.drawn.cache_info().misses


def test_a_row_is_drawn_once_for_everybody(client: Client, transfers: Any, alice: Any, carol: Any) -> None:
    factories.open_ticket()
    before = drawn()
    for person in (alice, carol, alice):
        client.force_login(person)
        client.get("/")
    assert drawn() == before + 1
    ticket = factories.open_ticket(args={"to": '<b> & href="/tickets/'}, requester=carol)
    client.get("/")
    before = drawn()
    for place, link in (
        ("/?q=b+href", f'href="/tickets/{ticket.pk}/?q=b+href">'),
        ("/inbox/beside/?tab=team&q=%22b", f'href="/tickets/{ticket.pk}/?q=%22b&amp;tab=team">'),
        (f"/inbox/beside/?ticket={ticket.pk}", f'href="/tickets/{ticket.pk}/" aria-current="page">'),
    ):
        assert link in client.get(place).content.decode()
    assert drawn() == before


def test_what_becomes_of_a_ticket_changes_its_row(transfers: Any, alice: Any, carol: Any) -> None:
    ticket = factories.open_ticket()
    assert "alice is on it" not in row(ticket) and "0 of 2 signed" in row(ticket)
    claims.take(ticket.pk, person=alice)
    assert "alice is on it" in row(ticket)
    factories.decide(ticket, alice)
    assert "alice is on it" not in row(ticket) and "1 of 2 signed" in row(ticket)
    factories.decide(ticket, carol, "reject")
    assert "by carol" in row(ticket) and "signed" not in row(ticket)


def test_a_row_needs_no_query_of_its_own(
    transfers: Any, alice: Any, carol: Any, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        factories.decide(factories.open_ticket(requester=carol), alice)
        factories.decide(factories.open_ticket("send_email"), alice, "reject")
    found = list(Ticket.objects.for_rows())
    with django_assert_num_queries(0):
        assert len({rows.of(ticket, reader=alice) for ticket in found}) == 6


def test_the_words_of_an_agent_are_text_in_a_row(transfers: Any, cast: Any) -> None:
    ticket = factories.open_ticket("send_email", args={"to": "<script>alert(1)</script>"})
    assert "&lt;script&gt;" in row(ticket) and "<script" not in row(ticket)


def test_the_next_deadline_is_the_nearest_whatever_comes_first(transfers: Any, alice: Any) -> None:
    for action, seconds in (("never", None), ("late", 7_200), ("soon", 3_600)):
        factories.make_policy(action, action=action, deadline_seconds=seconds, requirements={"reviewers": 1})
    assert nearest_deadline(inbox.urgencies(alice, Tab.YOU)) is None
    never, late, soon = (factories.open_ticket(action) for action in ("never", "late", "soon"))
    Ticket.objects.filter(pk__in=[never.pk, late.pk]).update(escalations=1)
    assert nearest_deadline(inbox.urgencies(alice, Tab.YOU)) == Ticket.objects.get(pk=soon.pk).deadline_at


def test_a_graph_whose_name_is_made_to_be_misread_is_shown_as_it_is(transfers: Any) -> None:
    drawn = row(factories.open_ticket(graph="pay\u202eroll"))
    assert "⟨U+202E⟩" in drawn and "\u202e" not in drawn
