"""The write path: who may say what, on which version, and what it comes to."""

from __future__ import annotations

import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from approvals import audit, decisions, resume, tickets
from approvals.contract import NewDecision
from approvals.errors import (
    AlreadyDecided,
    DecisionNotAllowed,
    InvalidArguments,
    NotAnApprover,
    OwnRequest,
    StaleDigest,
    TicketClosed,
    TicketNotFound,
    TooLate,
)
from approvals.models import AuditEntry, Decision, Ticket
from tests.factories import TRANSFER_SCHEMA, decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db


def jobs() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_name FROM procrastinate_jobs WHERE task_name = 'agents.resume'")
        return [name for (name,) in cursor.fetchall()]


def facts() -> tuple[int, int, int, list[str]]:
    return (
        Decision.objects.count(),
        AuditEntry.objects.count(),
        len(jobs()),
        [t.state for t in Ticket.objects.all()],
    )


@pytest.fixture
def ticket(transfers, dave):
    return open_ticket(requester=dave, args_schema=TRANSFER_SCHEMA)


def test_one_of_two_signatures_leaves_the_ticket_open(ticket, alice):
    assert decide(ticket, alice).state == "pending"
    assert jobs() == []


def test_the_last_signature_approves_and_asks_for_the_graph(ticket, alice, carol):
    decide(ticket, alice)
    decided = decide(ticket, carol)
    assert (decided.state, decided.outcome) == ("approved", "approved")
    assert jobs() == ["agents.resume"]


def test_two_people_of_one_group_do_not_replace_the_other_group(ticket, alice, bob):
    decide(ticket, alice)
    assert decide(ticket, bob).state == "pending"


def test_one_rejection_ends_the_ticket_with_its_words(ticket, alice):
    decided = decide(ticket, alice, "reject", message="too much")
    assert decided.state == "rejected"
    assert tickets.answer_of(decided).message == "too much"


def test_an_answer_ends_the_ticket_without_running_it(ticket, alice):
    decided = decide(ticket, alice, "respond", message="ask me tomorrow")
    assert decided.state == "answered"
    assert tickets.answer_of(decided).args is None


def test_an_edit_voids_the_votes_on_the_older_version(ticket, alice, bob, carol):
    decide(ticket, alice)
    edited = decide(ticket, carol, "edit", args={"amount": 100, "to": "bob"})
    assert (edited.state, edited.revision) == ("pending", 2)
    assert decide(ticket, bob).outcome == "edited"


def test_vote_edit_vote_never_releases_on_the_old_vote(ticket, alice, bob, carol, erin):
    decide(ticket, alice)
    decide(ticket, carol, "edit", args={"amount": 1, "to": "bob"})
    assert decide(ticket, erin).state == "pending"


def test_the_graph_hears_the_edited_arguments(ticket, alice, carol):
    decide(ticket, carol, "edit", args={"amount": 100, "to": "bob"})
    decided = decide(ticket, alice)
    assert tickets.answer_of(decided).args == {"amount": 100, "to": "bob"}


def test_an_edit_that_changes_nothing_is_an_approval(ticket, alice, carol):
    decide(ticket, alice)
    decided = decide(ticket, carol, "edit", args={"to": "bob", "amount": 250})
    assert (decided.revision, decided.outcome) == (1, "approved")


def test_an_edit_that_weighs_more_raises_the_tier(dave, alice, carol):
    make_policy(
        "Large",
        position=1,
        condition="double(args.amount) > 1000.0",
        risk="high",
        requirements={"reviewers": 1, "finance": 1},
    )
    make_policy("Small", position=2, risk="medium", requirements={"reviewers": 1})
    ticket = open_ticket(requester=dave)
    edited = decide(ticket, alice, "edit", args={"amount": 5000, "to": "bob"})
    assert (edited.state, edited.risk, edited.policy_name) == ("pending", "high", "Large")


def test_an_edit_never_lowers_the_tier(dave, alice):
    make_policy(
        "Large",
        position=1,
        condition="double(args.amount) > 100.0",
        risk="high",
        requirements={"reviewers": 1, "finance": 1},
    )
    make_policy("Small", position=2, risk="low", gate="auto")
    ticket = open_ticket(requester=dave)
    edited = decide(ticket, alice, "edit", args={"amount": 1, "to": "bob"})
    assert (edited.state, edited.risk) == ("pending", "high")


REFUSED = [
    ("someone in no group", "frank", {}, NotAnApprover),
    ("the requester", "dave", {}, OwnRequest),
    ("an administrator in no group", "admin", {}, NotAnApprover),
    ("a stale digest", "alice", {"digest": "0" * 64}, StaleDigest),
    ("a digest that is no digest", "alice", {"digest": "ä"}, StaleDigest),
    ("an unknown word", "alice", {"type": "explode"}, DecisionNotAllowed),
    ("an empty answer", "alice", {"type": "respond", "message": " "}, InvalidArguments),
    (
        "an edit that renames the action",
        "alice",
        {"type": "edit", "args": {"amount": 1, "to": "bob"}, "action": "search"},
        DecisionNotAllowed,
    ),
    ("an edit without arguments", "alice", {"type": "edit"}, InvalidArguments),
    (
        "an edit of the wrong type",
        "alice",
        {"type": "edit", "args": {"amount": "x", "to": "bob"}},
        InvalidArguments,
    ),
    (
        "an approval of other arguments than those shown",
        "alice",
        {"args": {"amount": 1, "to": "bob"}},
        InvalidArguments,
    ),
    ("an edit that is no object", "alice", {"type": "edit", "args": [1]}, InvalidArguments),
    (
        "an edit that no JSON can hold",
        "alice",
        {"type": "edit", "args": {"amount": 2**60, "to": "b"}},
        InvalidArguments,
    ),
    (
        "an edit with a null character",
        "alice",
        {"type": "edit", "args": {"amount": 1, "to": "\0"}},
        InvalidArguments,
    ),
]


@pytest.mark.parametrize(("who", "fields", "error"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_refusal_changes_nothing(ticket, cast, who, fields, error):
    before = facts()
    with pytest.raises(error):
        decide(ticket, cast[who], **fields)
    assert facts() == before


def test_a_decision_the_agent_does_not_allow_is_refused(transfers, alice):
    ticket = open_ticket(allowed_decisions=("approve", "reject"))
    with pytest.raises(DecisionNotAllowed):
        decide(ticket, alice, "respond", message="hello")


def test_nobody_decides_twice_on_one_version(ticket, alice):
    decide(ticket, alice)
    with pytest.raises(AlreadyDecided):
        decide(ticket, alice, "reject")


def test_a_closed_ticket_takes_no_more_decisions(ticket, alice, bob):
    decide(ticket, alice, "reject")
    with pytest.raises(TicketClosed):
        decide(ticket, bob)


def test_an_unknown_ticket_is_not_found(alice):
    with pytest.raises(TicketNotFound):
        decisions.record(0, reviewer=alice, decision=NewDecision(type="approve", digest=""))


def test_a_decision_after_the_deadline_is_too_late(ticket, alice):
    Ticket.objects.filter(pk=ticket.pk).update(deadline_at=ticket.opened_at)
    with pytest.raises(TooLate):
        decide(ticket, alice)


def test_somebody_removed_from_the_group_since_no_longer_counts(ticket, alice, carol):
    decide(ticket, alice)
    alice.groups.clear()
    assert decide(ticket, carol).state == "pending"


def test_somebody_disabled_since_no_longer_counts(ticket, alice, carol):
    decide(ticket, alice)
    alice.is_active = False
    alice.save()
    assert decide(ticket, carol).state == "pending"


def test_a_team_of_one_may_approve_itself_where_the_policy_says_so(alice):
    make_policy(bar_requester=False, requirements={"reviewers": 1})
    assert decide(open_ticket(requester=alice), alice).state == "approved"


def test_every_step_is_in_the_ticket_s_chain(ticket, alice, carol):
    decide(ticket, carol, "edit", args={"amount": 100, "to": "bob"})
    decide(ticket, alice)
    types = [entry.type for entry in ticket.audit_entries.all()]
    assert types == [
        "ticket.opened",
        "revision.created",
        "decision.recorded",
        "decision.recorded",
        "ticket.approved",
    ]
    assert audit.verify_stream(f"ticket/{ticket.pk}") is None


def test_a_decision_is_a_fixed_number_of_queries(ticket, alice, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        decide(ticket, alice)


def test_an_approval_in_its_recall_window_does_not_hold_up_the_others_of_its_thread(alice):
    make_policy("Recall", action="delete_data", recall_seconds=3600, requirements={"reviewers": 1})
    waiting, ready = (decide(open_ticket(action, thread_id="t-1"), alice) for action in ("delete_data", "send_email"))
    jobs = ProcrastinateJob.objects.filter(task_name=resume.TASK_NAME)
    locks = {job.args["ticket_id"]: job.lock for job in jobs}
    # The queue runs jobs of one lock in their order, and counts those that are not due yet.
    assert locks == {waiting.pk: None, ready.pk: "t-1"}
