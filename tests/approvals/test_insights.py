"""The figures of how people decide: what is counted, what stands out, who may read it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import charts, deadlines, figures, tallies
from approvals.models import Policy, TalliedDay, Tally, Ticket
from tests.api.programs import Program
from tests.factories import decide, force, make_policy, open_ticket, overdue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail(cast: Any) -> Any:
    return make_policy("Mail", action="send_email", risk="medium", requirements={"reviewers": 1})


def asked(number: int, person: Any, type: str = "approve", **changed: Any) -> list[Ticket]:
    """So many mails, each decided by this person in one way."""
    more = {"args": {"to": "erin", **changed}} if type == "edit" else {}
    return [decide(open_ticket("send_email", args={"to": "bob"}), person, type, **more) for _ in range(number)]


def moved(found: list[Ticket], *, days: int, took: float = 60) -> None:
    """As if they had ended so many days ago, so many seconds after they were asked for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_ticket SET resolved_at = clock_timestamp() - make_interval(days => %s),"
            " opened_at = clock_timestamp() - make_interval(days => %s, secs => %s) WHERE id = ANY(%s)",
            [days, days, took, [ticket.pk for ticket in found]],
        )


def line(days: int = 30) -> figures.Line:
    return next(one for one in figures.over(days).lines if one.action == "send_email")


# --- what is counted


def test_every_ending_is_counted_in_its_own_column(alice: Any) -> None:
    asked(3, alice)
    asked(2, alice, "edit")
    asked(1, alice, "reject")
    open_ticket("send_email")
    deadlines.expire(overdue(open_ticket("send_email")).pk)
    found = line()
    assert (found.tickets, found.approved, found.edited, found.rejected, found.expired) == (7, 3, 2, 1, 1)
    assert (found.decided, found.unmodified) == (6, 0.5)


def test_an_action_under_another_policy_has_a_line_of_its_own(alice: Any, mail: Any) -> None:
    asked(2, alice)
    decide(open_ticket("read_file"), alice)
    assert [(one.action, one.policy, one.tickets) for one in figures.over(30).lines] == [
        ("send_email", "Mail", 2),
        ("read_file", "Unknown action", 1),
    ]


def test_only_the_days_that_are_asked_for_are_counted(alice: Any) -> None:
    asked(1, alice)
    moved(asked(2, alice), days=6)
    moved(asked(4, alice), days=29)
    moved(asked(8, alice), days=89)
    assert [line(days).tickets for days in (7, 30, 90)] == [3, 7, 15]


def test_who_decided_how_much_is_counted_once_for_each_word(alice: Any, bob: Any) -> None:
    moved(asked(2, alice), days=3)
    asked(1, alice)
    asked(2, bob, "reject")
    assert figures.over(30).reviewers == [("alice", 3), ("bob", 2)]


def test_a_column_knows_where_its_words_stand() -> None:
    low, high = charts.columns([1, 2])
    assert (low.middle, low.above) == (150.0, 57.0)
    assert (high.middle, high.above) == (450.0, -3.0)


def test_hours_hold_every_ending(alice: Any) -> None:
    moved(asked(3, alice), days=2)
    asked(1, alice)
    hours = figures.over(30).hours
    assert (len(hours), sum(hours)) == (24, 4)


def test_an_escalation_is_counted(alice: Any) -> None:
    force(asked(2, alice)[:1], escalations=1)
    assert line().escalated == 1


@pytest.mark.parametrize("seconds", [5, 61, 3_600, 86_400])
def test_times_are_right_within_three_in_a_hundred(alice: Any, seconds: int) -> None:
    moved(asked(10, alice), days=1, took=seconds)
    moved(asked(1, alice), days=1, took=seconds * 20)
    found = line()
    assert found.half is not None and found.most is not None
    assert found.half.total_seconds() == pytest.approx(seconds, rel=0.03)
    assert found.most.total_seconds() == pytest.approx(seconds * 20, rel=0.03)


def test_what_nobody_decided_has_no_time() -> None:
    make_policy("Search", action="search", risk="low", gate="auto")
    open_ticket("search")
    found = next(one for one in figures.over(30).lines if one.action == "search")
    assert (found.unasked, found.half, found.decided, found.unmodified) == (1, None, 0, 0.0)


# --- days that are counted once


def test_a_day_that_is_over_is_counted_once_and_today_is_not_kept(alice: Any) -> None:
    moved(asked(3, alice), days=2)
    asked(1, alice)
    assert tallies.keep() == 2  # the empty day between them too
    assert tallies.keep() == 0
    before = Tally.objects.count()
    assert line().tickets == 4 and Tally.objects.count() == before


def test_a_ticket_that_ends_otherwise_after_all_has_its_day_counted_anew(alice: Any) -> None:
    found = asked(3, alice)
    moved(found, days=2)
    assert line().approved == 3
    force(found[:1], state="cancelled", outcome="cancelled")
    assert not TalliedDay.objects.filter(day=found[0].resolved_at - timedelta(days=2)).exists()
    assert (line().approved, line().withdrawn) == (2, 1)


def test_a_ticket_that_ended_before_midnight_and_commits_after_it_is_counted(alice: Any) -> None:
    moved(asked(1, alice), days=1)
    connection.check_constraints()
    assert (line().tickets, TalliedDay.objects.count()) == (1, 1)
    yesterday = Ticket.objects.get().resolved_at
    force([open_ticket("send_email")], state="cancelled", outcome="cancelled", resolved_at=yesterday)
    connection.check_constraints()  # as at the commit
    assert (line().tickets, line().withdrawn) == (2, 1)


def test_figures_take_as_many_queries_for_many_tickets_as_for_few(alice: Any) -> None:
    counted = []
    for number in (1, 15):
        asked(number, alice)
        with CaptureQueriesContext(connection) as sent:
            figures.over(30)
        counted.append(len(sent))
    assert counted[0] == counted[1] <= 6


# --- what stands out


def test_nearly_all_approved_as_proposed_is_too_strict(alice: Any) -> None:
    moved(asked(20, alice), days=1, took=90)
    (finding,) = figures.over(30).findings
    assert (finding.is_strict, finding.is_hasty) == (True, False)


@pytest.mark.parametrize(("approved", "rejected"), [(19, 0), (19, 1)])
def test_fewer_than_twenty_or_ninety_five_in_a_hundred_say_nothing(alice: Any, approved: int, rejected: int) -> None:
    asked(approved, alice)
    asked(rejected, alice, "reject")
    assert figures.over(30).findings == []


def test_what_is_approved_within_seconds_may_not_be_read(alice: Any) -> None:
    moved(asked(20, alice), days=1, took=1)
    assert figures.over(30).findings[0].is_hasty


def test_much_edited_names_the_fields_that_are_changed_most(alice: Any) -> None:
    asked(13, alice)
    asked(4, alice, "edit")
    asked(3, alice, "edit", subject="Hello")
    (finding,) = figures.over(30).findings
    assert (finding.is_strict, finding.fields) == (False, [("to", 7), ("subject", 3)])


def test_thirty_in_a_hundred_edited_is_not_much_yet(alice: Any) -> None:
    asked(14, alice)
    asked(6, alice, "edit")
    assert figures.over(30).findings == []


# --- the page


@pytest.mark.parametrize(
    ("who", "status"),
    [(None, 302), ("alice", 403), ("carol", 403), ("dave", 403), ("frank", 200), ("admin", 200)],
)
def test_figures_are_for_those_who_may_see_every_ticket(
    client: Client, cast: Any, frank: Any, who: str | None, status: int
) -> None:
    frank.user_permissions.add(Permission.objects.get(codename="view_ticket"))
    if who:
        client.force_login(cast[who])
    assert client.get("/insights/").status_code == status
    assert ('href="/insights/"' in client.get("/policies/").content.decode()) is (status == 200)


@pytest.fixture
def page(client: Client, admin: Any) -> Any:
    client.force_login(admin)
    return lambda query="": client.get(f"/insights/{query}").content.decode()


def test_the_page_says_it_in_words_and_leads_to_the_backtest(page: Any, alice: Any, mail: Any) -> None:
    moved(asked(20, alice), days=1, took=90)
    told = " ".join(page().split())
    assert "20 of 20 decisions" in told and "too strict: consider" in told
    assert "20</text>" in told and "23</text>" in told
    assert f'href="/admin/approvals/policy/{mail.pk}/backtest/"' in told
    assert "1 min" in told and "<svg" in told and " style=" not in told


def test_the_backtest_of_a_finding_is_of_the_policy_one_step_softer(
    page: Any, client: Any, alice: Any, mail: Any
) -> None:
    asked(20, alice)
    before = Policy.objects.filter(pk=mail.pk).values().get()
    told = " ".join(client.get(f"/admin/approvals/policy/{mail.pk}/backtest/").content.decode().split())
    assert "one step softer (a soft gate: it runs at its deadline unless somebody stops it)" in told
    assert "20 would go from" in told
    assert Policy.objects.filter(pk=mail.pk).values().get() == before
    assert client.get("/admin/approvals/policy/backtest/").status_code == 405


def test_hours_and_load_can_be_those_of_one_action(page: Any, alice: Any) -> None:
    asked(2, alice)
    make_policy("Search", action="search", risk="low", gate="auto")
    open_ticket("search")
    report = figures.over(30, action="send_email")
    assert ({line.action for line in report.lines}, sum(report.hours)) == ({"send_email"}, 2)
    assert report.reviewers == [("alice", 2)] and report.actions == ["search", "send_email"]
    assert figures.over(30, action="search").reviewers == []
    assert '<option value="send_email" selected>' in page("?action=send_email")


def test_ninety_six_of_a_hundred_are_too_strict_and_nineteen_say_nothing(alice: Any) -> None:
    moved(asked(96, alice), days=1, took=60)
    moved(asked(4, alice, "reject"), days=1, took=60)
    (finding,) = figures.over(30).findings
    assert (finding.is_strict, finding.line.decided) == (True, 100)


def test_thirty_one_of_a_hundred_edited_name_the_right_field(alice: Any) -> None:
    asked(69, alice)
    asked(31, alice, "edit", to="ben@example.com")
    (finding,) = figures.over(30).findings
    assert (finding.is_strict, finding.fields[0]) == (False, ("to", 31))


def test_the_api_has_the_same_figures_for_who_may_see_every_ticket(alice: Any, admin: Any) -> None:
    moved(asked(3, alice, "edit"), days=2, took=60)
    asked(1, alice)
    open_ticket("send_email")
    open_ticket("unheard_of")
    mail, other = Program(admin, "read").get("insights").json()["items"]
    assert (mail["tickets"], mail["edited"], mail["approved"], mail["waiting"], mail["edit_rate"]) == (5, 3, 1, 1, 0.75)
    assert (other["action"], other["waiting"], other["approval_rate"]) == ("unheard_of", 1, None)


def test_the_page_names_the_fields_that_people_change(page: Any, alice: Any) -> None:
    asked(20, alice, "edit", **{"sub\u202eject": "Hello"})
    told = page()
    assert "the agent needs work" in told and "sub⟨U+202E⟩ject" in told.replace("</span>", "").replace(
        '<span class="hidden-char">', ""
    )


@pytest.mark.parametrize("query", ["", "?days=7", "?days=90", "?days=9999", "?days=x", "?days=%00"])
def test_any_address_shows_a_period(page: Any, query: str) -> None:
    assert "Nothing has ended yet" in page(query)


# --- drawings


def test_columns_and_parts_fill_the_drawing_and_never_leave_it() -> None:
    tall = charts.columns([0, 5, 10])
    assert [bar.height for bar in tall] == [0, charts.TALL / 2, charts.TALL]
    long, short = charts.stacked([[("a", 30), ("b", 10)], [("a", 0), ("b", 20)]])
    assert [bar.width for bar in long] == [450, 150] and [bar.name for bar in short] == ["b"]
    assert charts.columns([]) == [] and charts.stacked([[("a", 0)]]) == [[]]


@pytest.mark.parametrize(("count", "has_share"), [(19, False), (20, True)])
def test_a_share_is_told_from_as_many_decisions_on_as_a_finding(
    page: Any, alice: Any, count: int, has_share: bool
) -> None:
    moved(asked(count, alice), days=1, took=90)
    assert ("100 %</span>" in page()) is has_share
