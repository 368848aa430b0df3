"""Exactly the same may run again for a while: only where the policy allows it, only as it was, until taken back."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from approvals import audit, drafts, grants, history, rulebook, tickets
from approvals.errors import DecisionNotAllowed, InvalidPolicy
from approvals.models import AuditEntry, Grant, Policy, Ticket
from tests.factories import claim, decide, force, make_policy, open_ticket, overdue, unguarded

pytestmark = pytest.mark.django_db
ARGS = {"amount": 250, "to": "bob"}


@pytest.fixture
def mail(cast):
    return make_policy("Mail", requirements={"reviewers": 1}, remember_seconds=3600)


@pytest.fixture
def remembered(mail, alice, dave):
    """Alice approved Dave's request and lets exactly the same run again."""
    return decide(open_ticket(requester=dave, args=ARGS), alice, remember=True)


def kinds(ticket):
    return list(AuditEntry.objects.filter(ticket=ticket).order_by("seq").values_list("type", flat=True))


def test_the_same_again_runs_without_asking_and_says_why(remembered, dave):
    again = open_ticket(requester=dave, args=ARGS)
    assert (again.state, again.outcome) == ("approved", "auto_approved")
    assert f"alice approved exactly this on ticket {remembered.pk}" in again.message
    assert kinds(again) == ["ticket.opened", "grant.used", "ticket.approved"]
    assert audit.verify_stream(f"ticket/{again.pk}") is None


def test_what_runs_again_is_delivered_as_an_approval(remembered, dave):
    again = open_ticket(requester=dave, args=ARGS)
    assert claim(again)
    again.refresh_from_db()
    assert (again.state, tickets.answer_of(again).type, tickets.answer_of(again).args) == ("approved", "approve", ARGS)


def run_out(grant):
    """Its hour is over."""
    with unguarded():
        Grant.objects.filter(pk=grant.pk).update(granted_at="2020-01-01T00:00Z", expires_at="2020-01-01T01:00Z")
        Ticket.objects.filter(pk=grant.ticket_id).update(resolved_at="2020-01-01T00:00Z")


ENDINGS = {
    "taken back": lambda grant, cast: grants.revoke(grant.ticket_id, actor=cast["bob"]),
    "run out": lambda grant, cast: run_out(grant),
    "its signer gone": lambda grant, cast: cast["alice"].groups.clear(),
    "its signer switched off": lambda grant, cast: User.objects.filter(username="alice").update(is_active=False),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_it_let_through_asks_people_where_it_ended_before_the_claim(remembered, cast, dave, ending):
    again = open_ticket(requester=dave, args=ARGS)
    ENDINGS[ending](remembered.grants.get(), cast)
    assert not claim(again)
    again.refresh_from_db()
    assert (again.state, again.outcome, again.grant, again.delivered_at) == ("pending", "", None, None)
    assert kinds(again)[-1] == "ticket.reopened"
    assert [event.words for event in history.of(again)][-1].startswith("Waits for people: what let it run")


def test_people_have_their_whole_time_for_it_and_their_word_lets_it_run(remembered, bob, dave):
    again = open_ticket(requester=dave, args=ARGS)
    overdue(again)
    grants.revoke(remembered.pk, actor=bob)
    assert not claim(again)
    again.refresh_from_db()
    assert again.deadline_at > timezone.now()
    assert claim(decide(again, bob))


def test_what_ended_after_the_claim_is_not_called_back(remembered, bob, dave):
    again = open_ticket(requester=dave, args=ARGS)
    assert claim(again)
    grants.revoke(remembered.pk, actor=bob)
    again.refresh_from_db()
    assert (again.state, again.grant) == ("approved", remembered.grants.get())


def test_giving_is_in_the_record_of_the_ticket(remembered, alice):
    given = AuditEntry.objects.get(ticket=remembered, type="grant.given")
    assert given.actor == alice and kinds(remembered)[-1] == "grant.given"


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(
    "changes",
    [
        {"args": {"amount": 251, "to": "bob"}},
        {"args": {**ARGS, "note": ""}},
        {"args": {"amount": "250", "to": "bob"}},
        {"graph": "other"},
        {"action": "send_money"},
        {"requester": "erin"},
        {"requester": None},
    ],
)
def test_anything_else_is_asked(cast, changes):
    wanted = {"requester": "dave", "args": ARGS, **changes}
    action = wanted.pop("action", "transfer_money")
    assert open_ticket(action, **{**wanted, "requester": cast.get(wanted["requester"])}).state == "pending"


def test_the_order_of_the_arguments_and_the_way_a_number_is_written_do_not_matter(remembered, dave):
    assert open_ticket(requester=dave, args={"to": "bob", "amount": 250.0}).state == "approved"


def test_without_the_choice_nothing_is_remembered(mail, alice, dave):
    decide(open_ticket(requester=dave, args=ARGS), alice)
    assert not Grant.objects.exists() and open_ticket(requester=dave, args=ARGS).state == "pending"


def test_it_ends_with_its_time(remembered, dave):
    run_out(remembered.grants.get())
    assert open_ticket(requester=dave, args=ARGS).state == "pending"


def test_it_ends_when_it_is_taken_back(remembered, dave, bob):
    assert (grants.revoke(remembered.pk, actor=bob), grants.revoke(remembered.pk, actor=bob)) == (1, 0)
    assert open_ticket(requester=dave, args=ARGS).state == "pending"
    assert kinds(remembered).count("grant.revoked") == 1


@pytest.mark.parametrize("change", [{"risk": "low"}, {"condition": "true"}, {"name": "Letters"}])
def test_another_version_of_the_policy_asks_again(remembered, mail, dave, change):
    values = {key: getattr(mail, key) for key in drafts.KEYS} | change
    rulebook.save(drafts.new(values, {"reviewers": 1}), actor=None, source="file", policy=mail)
    assert open_ticket(requester=dave, args=ARGS).state == "pending"


def test_another_policy_before_it_asks_again(remembered, dave):
    make_policy("First", position=1, requirements={"reviewers": 1}, remember_seconds=3600)
    assert open_ticket(requester=dave, args=ARGS).state == "pending"


def test_a_policy_deleted_and_made_again_asks_again(remembered, mail, dave):
    draft = drafts.of(mail)
    rulebook.delete(mail, actor=None, source="file")
    assert open_ticket(requester=dave, args=ARGS).policy_name == "Unknown action"
    rulebook.save(draft, actor=None, source="file")
    assert open_ticket(requester=dave, args=ARGS).state == "pending"


def test_a_condition_that_breaks_asks_again(remembered, mail, dave):
    with unguarded():
        Policy.objects.filter(pk=mail.pk).update(condition="args.nothing > 1.0")
    assert open_ticket(requester=dave, args=ARGS).risk == "critical"


@pytest.mark.parametrize("lose", ["group", "account"])
def test_it_ends_when_whoever_gave_it_may_no_longer_sign(remembered, alice, dave, lose):
    if lose == "group":
        alice.groups.clear()
    else:
        alice.is_active = False
        alice.save()
    assert open_ticket(requester=dave, args=ARGS).state == "pending"


def test_it_ends_when_whoever_signed_with_them_may_no_longer_sign(cast):
    make_policy("Mail", requirements={"reviewers": 1, "finance": 1}, remember_seconds=3600)
    ticket = open_ticket(requester=cast["dave"], args=ARGS)
    decide(ticket, cast["carol"])
    decide(ticket, cast["alice"], remember=True)
    assert open_ticket(requester=cast["dave"], args=ARGS).state == "approved"
    cast["carol"].groups.clear()
    assert open_ticket(requester=cast["dave"], args=ARGS).state == "pending"


def test_it_does_not_outlive_the_approval_it_came_with(remembered, dave):
    force([remembered], state="pending", outcome="", resolved_at=None, release_at=None)
    assert open_ticket(requester=dave, args=ARGS).state == "pending"


def test_only_the_signature_that_releases_may_remember(alice, dave):
    make_policy("Two", requirements={"reviewers": 2}, remember_seconds=60)
    ticket = open_ticket(requester=dave)
    with pytest.raises(DecisionNotAllowed, match="Only the signature that releases"):
        decide(ticket, alice, remember=True)
    assert not ticket.decisions.exists()


@pytest.mark.parametrize("kind", ["reject", "edit", "respond"])
def test_only_an_approval_may_remember(mail, alice, dave, kind):
    ticket = open_ticket(requester=dave, args=ARGS)
    more = {"args": {"amount": 1, "to": "bob"}} if kind == "edit" else {"message": "No."}
    with pytest.raises(DecisionNotAllowed, match="Only the signature that releases"):
        decide(ticket, alice, kind, remember=True, **more)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.revision) == ("pending", 1)


def test_a_policy_that_does_not_remember_refuses_the_choice(alice, dave):
    make_policy(requirements={"reviewers": 1})
    with pytest.raises(DecisionNotAllowed, match="the policy does not allow it"):
        decide(open_ticket(requester=dave), alice, remember=True)
    assert not Grant.objects.exists()


def test_an_edit_into_a_higher_tier_forgets(mail, alice, bob, dave):
    make_policy("Much", position=1, condition="double(args.amount) > 999.0", risk="high", requirements={"reviewers": 1})
    ticket = decide(open_ticket(requester=dave, args=ARGS), alice, "edit", args={"amount": 1000, "to": "bob"})
    assert (ticket.risk, grants.seconds_of(ticket)) == ("high", 0)


@pytest.mark.parametrize(
    "changes", [{"risk": "high"}, {"risk": "critical"}, {"gate": "auto"}, {"remember_seconds": 86_401}]
)
def test_a_policy_may_not_remember_what_is_looked_at_every_time(cast, changes):
    values = {"name": "Mail", "remember_seconds": 60, **changes}
    with pytest.raises(InvalidPolicy) as refusal:
        rulebook.save(drafts.new(values, {"reviewers": 1}), actor=None, source="file")
    assert refusal.value.facts["key"] == "remember_seconds"


@pytest.mark.parametrize("changes", [{"risk": "high"}, {"gate": "manual"}])
def test_the_database_refuses_it_too(changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_policy(remember_seconds=60, **changes)


def test_the_page_offers_the_choice_and_takes_it(client, mail, alice, dave):
    client.force_login(alice)
    ticket = open_ticket(requester=dave, args=ARGS)
    assert "run again for 1 h without asking" in client.get(ticket.get_absolute_url()).content.decode()
    client.post(
        f"{ticket.get_absolute_url()}decisions/", {"type": "approve", "digest": ticket.digest, "remember": "on"}
    )
    assert Grant.objects.get().granted_by == alice


def test_the_page_does_not_offer_it_before_the_last_signature(client, alice, dave):
    make_policy("Two", requirements={"reviewers": 2}, remember_seconds=60)
    client.force_login(alice)
    assert "without asking" not in client.get(open_ticket(requester=dave).get_absolute_url()).content.decode()


def test_the_page_takes_it_back(client, remembered, bob):
    client.force_login(bob)
    assert "Ask again from now on" in client.get(remembered.get_absolute_url()).content.decode()
    answer = client.post(reverse("approvals:revocation", args=[remembered.pk]), follow=True).content.decode()
    assert Grant.objects.get().revoked_by == bob and "Ask again from now on" not in answer


def test_whoever_may_not_see_the_ticket_may_not_take_it_back(client, remembered, frank):
    client.force_login(frank)
    assert client.post(reverse("approvals:revocation", args=[remembered.pk])).status_code == 404
    assert client.get(reverse("approvals:revocation", args=[remembered.pk])).status_code == 405
    assert Grant.objects.get().revoked_at is None


def test_the_ticket_that_ran_again_says_so(client, remembered, dave):
    client.force_login(dave)
    page = client.get(open_ticket(requester=dave, args=ARGS).get_absolute_url()).content.decode()
    assert "Approved as before" in page and "alice had let exactly the same run again" in page


def test_the_admin_takes_it_back(client, remembered, admin):
    client.force_login(admin)
    chosen = {"action": "revoke", "_selected_action": [Grant.objects.get().pk]}
    client.post(reverse("admin:approvals_grant_changelist"), chosen)
    assert Grant.objects.get().revoked_by == admin
