"""A draft is tried on the past before it is in force."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from approvals import backtest, totals
from approvals.conditions import Total
from approvals.models import AuditEntry, Policy, PolicyVersion, Ticket
from approvals.policy import in_force
from tests.factories import decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db

DRAFT = """
groups = ["reviewers"]

[[policy]]
name = "Small"
action = "transfer_money"
condition = 'double(args.amount) <= 100.0'
risk = "low"
gate = "auto"

[[policy]]
name = "Rest"
risk = "high"
gate = "hard"
requirements = { reviewers = 1 }
"""


@pytest.fixture
def past(alice, bob):
    """Four small transfers (approved, edited, rejected, waiting) and a large one, under one medium policy."""
    make_policy("Transfers", requirements={"reviewers": 1})
    tickets = [open_ticket(args={"amount": amount, "to": "bob"}) for amount in (10, 20, 30, 40, 5000)]
    decide(tickets[0], alice)
    decide(tickets[1], alice, "edit", args={"amount": 19, "to": "bob"})
    decide(tickets[2], bob, "reject")
    return tickets


@pytest.fixture
def run(tmp_path, capsys):
    def run(text, *options):
        (tmp_path / "draft.toml").write_text(text)
        call_command("backtest_policy", str(tmp_path / "draft.toml"), *options)
        return capsys.readouterr().out

    return run


def test_it_says_what_people_said_to_what_would_run_by_itself(past, run):
    report = json.loads(run(DRAFT, "--json"))
    assert (report["tickets"], report["auto_approved"], report["auto_approved_already"]) == (5, 4, 0)
    assert report["of_the_new"] == {"approved": 1, "edited": 1, "rejected": 1, "waiting": 1}
    assert [(one["ticket"], one["outcome"]) for one in report["examples"]] == [
        (past[2].pk, "rejected"),
        (past[1].pk, "edited"),
    ]


def test_it_names_them_in_words(past, run):
    said = run(DRAFT)
    assert "people approved 1 as proposed, edited 1, rejected 1" in said
    assert f"Approved with edits: Transfer money: amount 20, to bob (ticket {past[1].pk})" in said


def test_it_says_what_changes_tier(past, run):
    tiers = json.loads(run(DRAFT, "--json"))["tiers"]
    assert tiers[1] == {
        "before": {"risk": "medium", "gate": "hard"},
        "after": {"risk": "high", "gate": "hard"},
        "tickets": 1,
    }


def test_nothing_is_changed(past, run):
    before = AuditEntry.objects.count()
    run(DRAFT)
    assert [policy.name for policy in Policy.objects.all()] == ["Transfers"]
    assert AuditEntry.objects.count() == before and not PolicyVersion.objects.exists()


def test_older_requests_are_left_out(past, run):
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in past[:3]]).update(opened_at="2020-01-01T00:00Z")
    assert json.loads(run(DRAFT, "--json", "--days", "7"))["tickets"] == 2


def test_what_would_fail_closed_is_counted_with_its_reason(past, run):
    errors = json.loads(run(DRAFT.replace("args.amount", "args.euros"), "--json"))["failed_closed"]
    assert list(errors.values()) == [5] and next(iter(errors)).startswith("Small: ")


def test_running_totals_stand_as_they_stood_then(past, run):
    condition = 'total("args.amount", "args.to", 24) + double(args.amount) <= 60.0'
    report = json.loads(run(DRAFT.replace("double(args.amount) <= 100.0", condition), "--json"))
    # 10, 10 + 20, 10 + 19 + 30 pass; 10 + 19 + 30 + 40 does not: they all waited while the next ones came.
    assert report["auto_approved"] == 3


BY_PAYEE = Total(what="args.amount", by=("args.to",), hours=1)


@pytest.mark.parametrize(
    ("state", "resolved_at", "moment", "sum_"),
    [
        ("pending", None, 10**9, 30.0),
        ("rejected", 600.0, 599.0, 30.0),
        ("rejected", 600.0, 600.0, 0.0),
        ("approved", 600.0, 4_199.0, 30.0),
        ("approved", 600.0, 4_200.0, 0.0),
    ],
)
def test_a_refusal_leaves_a_total_at_once_and_an_approval_with_its_window(state, resolved_at, moment, sum_):
    replay = backtest.Replay([])
    replay.totals = {BY_PAYEE}
    past = backtest.Past(
        1, "g", "pay", None, "", "medium", "hard", state, "", False, None, "", 0.0, resolved_at, "{}", None
    )
    subject = totals.Subject(action="pay", graph="g", requester_id=None, requester="", args={"to": "bob"})
    replay.add(past, {"amount": 30, "to": "bob"})
    replay.add(past, {"amount": 30, "to": "erin"})
    assert replay.at(moment, subject)(BY_PAYEE) == sum_


def test_at_most_the_newest_are_tried(past):
    assert backtest.run(in_force(), days=30, most=2).tickets == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "holds no"), (DRAFT.replace("low", "lowest"), "Policy “Small”, risk"), ("x = 1", "unknown key, x")],
)
def test_a_wrong_draft_is_refused(past, run, text, words):
    with pytest.raises(CommandError, match=words) as refusal:
        run(text)
    assert refusal.value.returncode == 2


@pytest.mark.parametrize("days", ["0", "-1", "x", "1e3", "99999999"])
def test_a_wrong_number_of_days_is_refused(past, run, days):
    with pytest.raises((CommandError, SystemExit)) as refusal:
        run(DRAFT, f"--days={days}")
    assert "a number of days" in str(refusal.value)


@pytest.fixture
def form(cast):
    return {
        "name": "Small", "position": 0, "enabled": "on", "graph": "*", "action": "*", "risk": "low", "gate": "auto",
        "condition": "double(args.amount) <= 100.0", "deadline_seconds": "", "on_timeout": "reject",
        "final_action": "reject", "may_extend_seconds": 0, "may_extend_times": 1, "deny_threshold": 1,
        "recall_seconds": 0, "max_requests": 5, "requirements-TOTAL_FORMS": 0, "requirements-INITIAL_FORMS": 0,
        "steps-TOTAL_FORMS": 0, "steps-INITIAL_FORMS": 0,
    }  # fmt: skip


def test_the_admin_tries_a_policy_before_it_is_saved(past, client, admin, form):
    client.force_login(admin)
    page = client.post(reverse("admin:approvals_policy_backtest"), form).content.decode()
    assert "4 would run without a person" in page and "rejected 1" in page
    assert Policy.objects.count() == 1 and not PolicyVersion.objects.exists()


def test_the_admin_tries_a_change_in_the_place_of_what_is_stored(past, client, admin, form):
    client.force_login(admin)
    where = reverse("admin:approvals_policy_backtest", args=[Policy.objects.get().pk])
    page = client.post(where, {**form, "condition": "", "seen": 1}).content.decode()
    assert "5 would run without a person" in page


def test_the_admin_says_why_a_policy_cannot_be_tried(past, client, admin, form):
    client.force_login(admin)
    answer = client.post(reverse("admin:approvals_policy_backtest"), {**form, "risk": "high"})
    assert answer.status_code == 422 and "never runs without a person" in answer.content.decode()


def test_only_those_who_may_change_policies_may_try_them(past, client, alice, admin, form):
    client.force_login(alice)
    assert client.post(reverse("admin:approvals_policy_backtest"), form).status_code == 302
    client.force_login(admin)
    assert client.get(reverse("admin:approvals_policy_backtest")).status_code == 405


def test_the_form_has_the_button(past, client, admin):
    client.force_login(admin)
    for where in ("add/", f"{Policy.objects.get().pk}/change/"):
        assert "Try on past requests" in client.get(f"/admin/approvals/policy/{where}").content.decode()
