"""Who signs in which order, who may not, and what happens when somebody may not any more."""

from __future__ import annotations

import pytest

from approvals import deadlines, edits, history, intake, rosters, tickets
from approvals.contract import Origin
from approvals.errors import AlreadyDecided, NotYourTurn
from approvals.models import Ticket
from approvals.policy import blocked_reason, waiting_reason
from tests.factories import claim, decide, make_policy, open_ticket, overdue, propose

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

OTHER = {"amount": 5, "to": "bob"}


@pytest.fixture
def in_order():
    make_policy(in_sequence=True, requirements={"finance": 1, "reviewers": 2, "security": 1})
    return open_ticket()


def needing(user):
    return list(Ticket.objects.needing(user))


def told(ticket):
    """What the history says last of what somebody did."""
    return [event.words for event in history.of(ticket) if event.who != "The policy"][-1]


def test_the_history_says_approved_only_of_an_edit_that_signs(alice):
    make_policy(requirements={"reviewers": 2})
    assert told(decide(open_ticket(), alice, "edit", args=OTHER)) == "approved the changed arguments"


def test_the_history_says_of_a_barred_editor_that_others_have_to_sign(alice):
    make_policy(requirements={"reviewers": 1}, bar_editor=True)
    ticket = decide(open_ticket(), alice, "edit", args=OTHER)
    assert "may not sign what they changed: others have to" in [event.words for event in history.of(ticket)]


def test_the_history_says_of_an_edit_behind_a_soft_gate_that_it_is_no_signature(alice):
    make_policy(requirements={"reviewers": 1}, gate="soft", risk="low")
    assert "no signature" in told(decide(open_ticket(), alice, "edit", args=OTHER))


def test_the_history_says_of_an_edit_out_of_turn_that_it_is_signed_later(in_order, alice, carol):
    decide(in_order, carol)
    ticket = decide(in_order, alice, "edit", args=OTHER)
    assert told(ticket) == "signs what they changed when their turn comes"


def test_in_sequence_the_later_group_waits_for_the_earlier(in_order, alice, carol):
    with pytest.raises(NotYourTurn, match="Waiting for finance first"):
        decide(in_order, alice)
    decide(in_order, carol)
    assert decide(in_order, alice).state == "pending"


def test_in_sequence_every_signature_of_the_earlier_group_is_needed(in_order, alice, bob, carol, frank):
    for person in (carol, alice):
        decide(in_order, person)
    with pytest.raises(NotYourTurn, match="reviewers"):
        decide(in_order, frank)
    decide(in_order, bob)
    assert decide(in_order, frank).state == "approved"


def test_to_say_no_it_is_never_too_early(in_order, frank):
    assert decide(in_order, frank, "reject").state == "rejected"


def test_in_sequence_it_is_in_the_inbox_of_those_whose_turn_it_is(in_order, alice, carol):
    assert (needing(carol), needing(alice)) == ([in_order], [])
    assert "Waiting for finance first" in waiting_reason(alice, in_order)
    decide(in_order, carol)
    assert (needing(carol), needing(alice)) == ([], [in_order])
    assert waiting_reason(alice, Ticket.objects.get()) is None


def test_in_sequence_an_edit_begins_again_at_the_first_group(in_order, alice, bob, carol, erin):
    decide(in_order, carol)
    decide(in_order, alice, "edit", args=OTHER)
    with pytest.raises(NotYourTurn):
        decide(in_order, bob)
    decide(in_order, erin)
    decide(in_order, bob)
    assert needing(alice) == [in_order]
    decide(in_order, alice)
    assert Ticket.objects.get().requirements.get(group__name="security").waits is False


def test_in_sequence_who_changes_the_arguments_out_of_turn_has_not_signed_them(in_order, alice, bob, carol, frank):
    for person in (carol, alice, bob):
        decide(in_order, person)
    decide(in_order, frank, "edit", args=OTHER)
    for person in (carol, alice, bob):
        assert decide(in_order, person).state == "pending"
    assert decide(in_order, frank).state == "approved"


def test_in_sequence_who_changes_the_arguments_in_turn_has_signed_them(in_order, alice, carol):
    decide(in_order, carol, "edit", args=OTHER)
    assert needing(carol) == [] and decide(in_order, alice).state == "pending"


def test_in_sequence_a_change_out_of_turn_is_no_objection(alice, carol):
    make_policy(risk="low", on_timeout="approve", in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    ticket = open_ticket()
    decide(ticket, carol)
    decide(ticket, alice, "edit", args=OTHER)
    assert deadlines.expire(overdue(ticket).pk)
    assert Ticket.objects.get().outcome == "unopposed"


def test_in_sequence_the_editor_is_told_that_their_signature_comes_later(in_order, alice, carol):
    decide(in_order, carol)
    asked = Ticket.objects.get()
    assert not edits.review(asked, OTHER, editor=alice).signs and edits.review(asked, OTHER, editor=carol).signs


@pytest.mark.parametrize("kind", ["approve", "reject", "respond"])
def test_when_somebody_may_sign_again_and_everybody_has_spoken_the_ticket_is_settled(alice, bob, kind):
    make_policy(deny_threshold=2, requirements={"reviewers": 2})
    ticket, reviewers = open_ticket(answer_releases=True), alice.groups.get()
    decide(ticket, alice, kind, message="as we said")
    alice.groups.clear()
    assert decide(ticket, bob, kind, message="as we said").state == "pending"
    alice.groups.add(reviewers)
    rosters.review()
    ticket.refresh_from_db()
    assert ticket.state == {"approve": "approved", "reject": "rejected", "respond": "answered"}[kind]
    assert kind == "approve" or ticket.message == "as we said"


def test_an_approval_that_waits_again_stands_again_with_its_signer(alice, bob):
    make_policy(requirements={"reviewers": 1})
    ticket, reviewers = decide(open_ticket(), alice), alice.groups.get()
    bob.groups.clear()
    alice.groups.clear()
    assert not claim(ticket) and Ticket.objects.get().state == "pending"
    alice.groups.add(reviewers)
    rosters.review()
    ticket.refresh_from_db()
    assert ticket.state == "approved" and ticket.release_at > ticket.resolved_at


def test_after_the_deadline_nobody_s_return_settles_anything(alice):
    make_policy(requirements={"reviewers": 1})
    ticket, reviewers = decide(open_ticket(), alice), alice.groups.get()
    alice.groups.clear()
    assert not claim(ticket)
    overdue(ticket)
    alice.groups.add(reviewers)
    rosters.review()
    assert Ticket.objects.get().state == "pending"


def test_who_is_in_an_earlier_group_too_signs_for_it(in_order, alice, carol):
    alice.groups.add(carol.groups.get())
    assert decide(in_order, alice).state == "pending"


@pytest.mark.parametrize(("risk", "state"), [("medium", "approved"), ("high", "pending"), ("critical", "pending")])
def test_from_high_risk_on_the_last_editor_does_not_sign(alice, risk, state):
    make_policy(risk=risk, requirements={"reviewers": 1})
    assert decide(open_ticket(), alice, "edit", args=OTHER).state == state


def test_another_signs_what_was_edited(alice, bob):
    make_policy(risk="high", requirements={"reviewers": 1})
    ticket = decide(open_ticket(), alice, "edit", args=OTHER)
    with pytest.raises(AlreadyDecided):
        decide(ticket, alice)
    assert "someone else must approve" in blocked_reason(alice, ticket)
    assert decide(ticket, bob).outcome == "edited"


@pytest.mark.parametrize(("bar_editor", "risk", "state"), [(False, "critical", "approved"), (True, "low", "pending")])
def test_the_policy_says_whether_the_editor_signs(alice, bar_editor, risk, state):
    make_policy(risk=risk, bar_editor=bar_editor, requirements={"reviewers": 1})
    assert decide(open_ticket(), alice, "edit", args=OTHER).state == state


def test_only_the_last_editor_is_barred(alice, bob):
    make_policy(risk="high", requirements={"reviewers": 1})
    ticket = open_ticket()
    decide(ticket, alice, "edit", args=OTHER)
    decide(ticket, bob, "edit", args={"amount": 6, "to": "bob"})
    assert decide(ticket, alice).outcome == "edited"


def leave(user):
    user.groups.clear()


def disable(user):
    user.is_active = False
    user.save()


@pytest.mark.parametrize("goes", [leave, disable])
def test_who_goes_between_release_and_delivery_has_signed_for_nothing(transfers, alice, bob, carol, goes):
    ticket = open_ticket()
    decide(ticket, alice)
    decide(ticket, carol)
    goes(alice)
    assert not claim(ticket)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.delivered_at) == ("pending", None)
    assert ticket.audit_entries.filter(type="ticket.reopened").count() == 1
    assert decide(ticket, bob).state == "approved" and claim(ticket)


def test_who_signed_without_being_needed_may_go(transfers, alice, bob, carol):
    ticket = open_ticket()
    for person in (alice, bob, carol):
        decide(ticket, person)
    leave(bob)
    assert claim(ticket)


def test_a_policy_s_own_approval_needs_nobody_to_stay(alice):
    make_policy(gate="auto", risk="low")
    assert claim(open_ticket())


def test_a_batch_with_one_void_approval_waits_whole(alice, bob):
    make_policy(requirements={"reviewers": 1})
    origin = Origin(graph="batch", thread_id="t", interrupt_id="i")
    one, two = intake.open_tickets([propose(), propose(position=1)], origin=origin)
    decide(one, alice)
    decide(two, bob)
    leave(alice)
    assert tickets.claim(Ticket.objects.filter(thread_id="t")) == []
    assert sorted(Ticket.objects.values_list("state", flat=True)) == ["approved", "pending"]
