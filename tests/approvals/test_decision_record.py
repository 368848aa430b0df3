"""What a decision leaves behind to the letter: its row, its entry in the record, and every refusal's facts."""

from __future__ import annotations

import pytest

from approvals import digests, failpoints
from approvals.contract import Card, NewDecision
from approvals.decisions import record
from approvals.errors import DecisionNotAllowed, InvalidArguments, StaleDigest
from approvals.models import Batch, Ticket
from approvals.states import Channel
from tests.factories import decide, make_policy, open_ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]


def entry(ticket, type):
    return ticket.audit_entries.get(type=type)


def test_a_decision_is_kept_with_its_words_and_the_digest_it_is_bound_to(alice):
    ticket = decide(open_ticket(), alice, message="fine with me")
    kept = ticket.decisions.get()
    assert (kept.reviewer, kept.type, kept.message) == (alice, "approve", "fine with me")
    assert (kept.revision, kept.digest) == (1, ticket.digest)


def test_the_record_says_who_decided_what_how_and_why(alice):
    ticket = open_ticket()
    said = NewDecision(type="reject", digest=ticket.digest, message="not today")
    record(ticket.pk, reviewer=alice, decision=said, via=Channel.BROWSER)
    told = entry(ticket, "decision.recorded")
    assert told.actor == alice
    assert {key: told.facts[key] for key in ("decision", "message", "via")} == {
        "decision": "reject",
        "message": "not today",
        "via": "browser",
    }
    assert entry(ticket, "ticket.rejected").actor == alice


def test_what_was_said_on_several_tickets_at_once_names_the_batch(alice):
    ticket, batch = open_ticket(), Batch.objects.create(reviewer=alice, type="approve")
    said = NewDecision(type="approve", digest=ticket.digest)
    record(ticket.pk, reviewer=alice, decision=said, via=Channel.BROWSER, batch=batch)
    assert ticket.decisions.get().batch == batch
    assert entry(ticket, "decision.recorded").facts["batch"] == str(batch.pk)


def test_a_ticket_is_found_by_the_words_of_its_edit(client, alice):
    make_policy(requirements={"reviewers": 2})
    ticket = decide(open_ticket(), alice, "edit", args={"amount": 1, "to": "zebra"})
    client.force_login(alice)
    assert f'id="ticket-row-{ticket.pk}"' in client.get("/?tab=team&q=zebra").content.decode()


@pytest.mark.parametrize("type", ["edit", "reject"])
def test_a_word_that_leaves_too_few_signers_is_noticed_at_once(alice, type):
    make_policy(requirements={"reviewers": 2}, deny_threshold=2, bar_editor=True)
    ticket = decide(open_ticket(), alice, type, **({"args": {"amount": 1, "to": "bob"}} if type == "edit" else {}))
    assert ticket.audit_entries.filter(type="ticket.stuck").exists()


def test_an_edit_is_recorded_with_its_author_and_arguments_under_their_own_digest(alice):
    args = {"amount": 20, "to": "erin"}
    ticket = decide(open_ticket(), alice, "edit", args=args)
    expected = digests.of_revision(
        graph=ticket.graph, thread_id=ticket.thread_id, action=ticket.action, number=2, args=args
    )
    assert (ticket.digest, ticket.current.digest, ticket.current.args) == (expected, expected, args)
    told = entry(ticket, "revision.created")
    assert (told.actor, told.facts["args"]) == (alice, args)


def test_what_the_page_needs_to_show_the_new_version_comes_with_the_refusal_of_the_old(alice, bob):
    make_policy(requirements={"reviewers": 2})
    ticket = open_ticket()
    old = ticket.digest
    decide(ticket, bob, "edit", args={"amount": 1, "to": "bob"})
    with pytest.raises(StaleDigest) as refusal:
        decide(ticket, alice, digest=old)
    assert refusal.value.facts == {"digest": ticket.digest, "revision": 2}


@pytest.mark.parametrize("type", ["edit", "sing"])
def test_a_decision_that_is_not_allowed_is_named(alice, type):
    with pytest.raises(DecisionNotAllowed, match=f"does not allow the decision “{type}”"):
        decide(open_ticket(allowed_decisions=("approve", "reject")), alice, type, args={})


def test_an_edit_that_changes_nothing_where_nobody_may_approve_is_named_so(alice):
    ticket = open_ticket(allowed_decisions=("edit", "reject"))
    with pytest.raises(DecisionNotAllowed, match="“approve”"):
        decide(ticket, alice, "edit", args=ticket.args)


@pytest.mark.parametrize(
    ("decision", "error"),
    [
        (
            {"type": "respond", "args": {"a": 1}, "message": "b"},
            {"path": "/message", "message": "answer in words or in fields, not in both"},
        ),
        ({"type": "respond", "message": " "}, {"path": "/message", "message": "an answer needs words"}),
        ({"type": "edit"}, {"path": "", "message": "an edit needs arguments"}),
        (
            {"type": "approve", "args": {"amount": 1}},
            {"path": "/args", "message": "an approval takes what is shown; send an edit"},
        ),
    ],
)
def test_what_is_missing_is_said_where_it_is_missing(alice, decision, error):
    with pytest.raises(InvalidArguments) as refusal:
        decide(open_ticket(), alice, **decision)
    assert refusal.value.errors == [error]


def test_an_approval_may_repeat_the_arguments_it_is_about(alice):
    ticket = open_ticket()
    assert decide(ticket, alice, args=dict(ticket.args)).state == "approved"


@pytest.mark.parametrize(
    ("condition", "card", "confidence"),
    [
        ('risk == "critical" && args.to == "erin"', Card(risk="critical"), None),
        ('confidence > 0.5 && args.to == "erin"', Card(), 0.9),
        ('requester == "dave" && args.to == "erin"', Card(), None),
        ('count("requester", 24) > 0 && args.to == "erin"', Card(), None),
    ],
)
def test_an_edit_is_weighed_with_all_that_was_known_when_it_was_asked_for(alice, dave, condition, card, confidence):
    make_policy("Much", position=1, condition=condition, risk="high", requirements={"finance": 2})
    open_ticket("other", requester=dave)
    ticket = open_ticket(requester=dave, card=card, confidence=confidence)
    assert ticket.policy_name == "Unknown action"
    assert decide(ticket, alice, "edit", args={"amount": 250, "to": "erin"}).policy_name == "Much"


def test_what_was_confirmed_is_made_from_the_edited_arguments_and_kept(alice):
    make_policy(gate="manual", confirm="{to}", bar_editor=True, risk="high", requirements={"reviewers": 2})
    ticket = open_ticket()
    decide(ticket, alice, "edit", args={"amount": 1, "to": "erin"}, confirm="erin")
    assert Ticket.objects.get(pk=ticket.pk).confirm_text == "erin"


def test_a_fault_can_be_put_before_and_behind_the_commit(alice, monkeypatch):
    reached = []
    monkeypatch.setattr(failpoints, "reach", reached.append)
    decide(open_ticket(), alice)
    points = [point for point in reached if point in (failpoints.Point.VOTE_WRITTEN, failpoints.Point.VOTE_COMMITTED)]
    assert points == [failpoints.Point.VOTE_WRITTEN, failpoints.Point.VOTE_COMMITTED]


@pytest.mark.parametrize("words", ["a\x00b", "a\ud800b"])
@pytest.mark.parametrize("type", ["approve", "reject", "respond"])
def test_words_that_nothing_can_keep_are_refused_and_change_nothing(alice, type, words):
    ticket = open_ticket()
    with pytest.raises(InvalidArguments, match="half of a character") as refusal:
        decide(ticket, alice, type, message=words)
    assert [error["path"] for error in refusal.value.errors] == ["/message"]
    assert not ticket.decisions.exists() and decide(ticket, alice, message="ok 👍").state == "approved"


def test_half_a_character_is_no_digest(alice):
    with pytest.raises(StaleDigest):
        decide(open_ticket(), alice, digest="\ud800")
