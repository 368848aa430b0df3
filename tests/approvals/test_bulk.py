"""One word on many tickets: refused where it would be careless, and each ticket judged on its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.models.signals import post_save
from django.test import Client

from approvals import claims
from approvals.models import AuditEntry, Batch, Decision, Ticket
from tests import factories
from tests.statements import counted


@pytest.fixture
def mails(cast: Any) -> list[Ticket]:
    factories.make_policy("Mail", action="send_email", risk="medium", requirements={"reviewers": 1})
    return [factories.open_ticket("send_email", args={"to": "ana", "body": f"Part {n}"}) for n in range(3)]


@contextmanager
def connected(signal: Any, receiver: Any, **told: Any) -> Iterator[None]:
    signal.connect(receiver, **told)
    try:
        yield
    finally:
        signal.disconnect(receiver, **told)


def table(client: Client, person: Any, tickets: list[Ticket]) -> Any:
    client.force_login(person)
    return client.get("/bulk/", {"ticket": [ticket.pk for ticket in tickets]})


def say(client: Client, person: Any, tickets: list[Ticket], type: str = "approve", **more: str) -> Any:
    client.force_login(person)
    shown = {f"digest-{ticket.pk}": ticket.digest for ticket in tickets}
    return client.post("/bulk/", {**shown, "type": type, **more})


def states(tickets: list[Ticket]) -> list[str]:
    return list(Ticket.objects.filter(pk__in=[t.pk for t in tickets]).order_by("pk").values_list("state", flat=True))


def test_like_tickets_are_approved_together_each_with_its_own_entry(client: Client, mails: Any, alice: Any) -> None:
    answer = say(client, alice, mails, message="Fine")
    batch = Batch.objects.get()
    assert answer.headers["Location"] == f"/bulk/{batch.pk}/"
    assert states(mails) == ["approved"] * 3
    assert set(Decision.objects.values_list("batch", "message")) == {(batch.pk, "Fine")}
    entries = AuditEntry.objects.filter(type="decision.recorded")
    assert [json.loads(bytes(entry.body))["facts"]["batch"] for entry in entries] == [str(batch.pk)] * 3


def test_one_high_risk_ticket_refuses_all_and_is_named(client: Client, mails: Any, transfers: Any, alice: Any) -> None:
    transfer = factories.open_ticket()
    answer = say(client, alice, [*mails, transfer])
    assert answer.status_code == 422
    assert [ticket for ticket, _ in answer.context["against"]] == [transfer]
    assert "decided alone" in answer.content.decode()
    assert states([*mails, transfer]) == ["pending"] * 4
    assert not Batch.objects.exists()


def test_every_risk_may_be_rejected_together(client: Client, mails: Any, transfers: Any, alice: Any) -> None:
    tickets = [*mails, factories.open_ticket()]
    say(client, alice, tickets, "reject", message="Not today")
    assert states(tickets) == ["rejected"] * 4


def test_what_changed_meanwhile_is_left_out_and_named(client: Client, mails: Any, alice: Any, bob: Any) -> None:
    factories.decide(mails[0], bob, "reject")
    mails[0].refresh_from_db()
    answer = client.get(say(client, alice, mails).headers["Location"])
    assert "2 approved, 1 not" in answer.content.decode()
    assert states(mails) == ["rejected", "approved", "approved"]


def test_a_stale_row_is_not_approved(client: Client, mails: Any, alice: Any) -> None:
    mails[1].digest = "0" * 64
    say(client, alice, mails)
    assert states(mails) == ["approved", "pending", "approved"]
    assert list(Batch.objects.get().refused) == [str(mails[1].pk)]


def test_what_one_has_decided_already_is_said_when_a_list_that_got_half_way_comes_again(
    client: Client, mails: Any, alice: Any, bob: Any
) -> None:
    say(client, alice, mails[:1], "reject")
    say(client, bob, mails[1:2], "reject")
    answer = client.get(say(client, alice, mails, "reject").headers["Location"])
    page = answer.content.decode()
    assert "1 rejected, 1 decided before, 1 not" in page and "You had decided it already" in page
    assert ([each.pk for each in answer.context["before"]], answer.context["refused"][0].ticket) == (
        [mails[0].pk],
        mails[1],
    )


@pytest.mark.parametrize("fact", ["risk", "policy_version", "claim"])
def test_what_is_judged_otherwise_while_the_first_is_decided_is_not_approved(
    client: Client, mails: Any, alice: Any, bob: Any, fact: str
) -> None:
    def change(created: bool, **_: Any) -> None:
        if fact == "claim":
            claims.take(mails[1].pk, person=bob)
        elif created and Decision.objects.count() == 1:
            factories.force(mails[1:2], **{"risk": {"risk": "high"}, "policy_version": {"policy_version": 9}}[fact])

    with connected(post_save, change, sender=Decision):
        say(client, alice, mails)
    assert states(mails) == ["approved", "pending", "approved"]
    assert list(Batch.objects.get().refused.values()) == ["It has changed since these were compared; look at it again."]


def why(client: Client, person: Any, tickets: list[Ticket]) -> dict[int, str]:
    return {ticket.pk: sentence for ticket, sentence in table(client, person, tickets).context["against"]}


def test_another_action_is_in_the_way(client: Client, mails: Any, alice: Any) -> None:
    other = factories.open_ticket("unknown_action")
    assert why(client, alice, [*mails, other]) == {other.pk: "Its action is another one than that of most."}


def test_what_needs_more_than_one_signature_is_in_the_way(client: Client, mails: Any, alice: Any) -> None:
    factories.make_policy("Two", action="order", risk="low", requirements={"reviewers": 2})
    order = factories.open_ticket("order")
    assert why(client, alice, [order]) == {order.pk: "It needs more than one signature."}


def test_a_colleague_s_claim_a_near_deadline_and_a_repeat_are_in_the_way(
    client: Client, mails: Any, alice: Any, bob: Any
) -> None:
    claims.take(mails[0].pk, person=bob)
    factories.overdue(mails[1], -30)
    refused = factories.open_ticket("send_email", thread_id="again", args={"to": "ana", "body": "Part 9"})
    factories.decide(refused, alice, "reject")
    again = factories.open_ticket("send_email", thread_id="again", args={"to": "ana", "body": "Part 9"})
    assert why(client, alice, [*mails, again]) == {
        mails[0].pk: "bob is on it.",
        mails[1].pk: "It is due in less than a minute.",
        again.pk: "The agent was refused this before and asks again.",
    }


@pytest.mark.parametrize("asks", [{"ask_reason": True}, {"ask_sign_in": True}, {"gate": "manual"}])
def test_what_asks_for_care_is_decided_on_its_own_page(client: Client, cast: Any, alice: Any, asks: Any) -> None:
    factories.make_policy("Careful", action="order", risk="medium", requirements={"reviewers": 1}, **asks)
    order = factories.open_ticket("order")
    assert say(client, alice, [order], message="Fine").status_code == 422
    assert "more care than a list can take" in why(client, alice, [order])[order.pk]
    assert states([order]) == ["pending"]


def test_one_s_own_request_is_in_the_way(client: Client, mails: Any, alice: Any) -> None:
    own = factories.open_ticket("send_email", requester=alice)
    assert why(client, alice, [own]) == {own.pk: "You asked for this; someone else must approve."}


def test_twenty_one_are_too_many_to_approve_and_not_to_reject(client: Client, mails: Any, alice: Any) -> None:
    many = [factories.open_ticket("send_email", args={"to": "ana"}) for _ in range(21)]
    assert say(client, alice, many).status_code == 422
    assert say(client, alice, many, "reject").status_code == 302
    assert set(states(many)) == {"rejected"}


def test_the_table_shows_what_differs_and_says_once_what_does_not(client: Client, mails: Any, alice: Any) -> None:
    comparison = table(client, alice, mails).context["comparison"]
    assert [(cell.label, cell.text) for cell in comparison.same] == [("To", "ana")]
    assert [[cell.text for cell in cells] for _, cells in comparison.rows] == [["Part 0"], ["Part 1"], ["Part 2"]]


@pytest.mark.parametrize("type", ["edit", "respond", "", "yes"])
def test_any_other_word_is_refused(client: Client, mails: Any, alice: Any, type: str) -> None:
    assert say(client, alice, mails, type).status_code == 422
    assert states(mails) == ["pending"] * 3


def test_nothing_selected_is_said_and_strange_numbers_are_nobody_s(client: Client, alice: Any) -> None:
    client.force_login(alice)
    assert "Nothing is selected" in client.get("/bulk/?ticket=x&ticket=²&ticket=99999999999999999999").content.decode()
    assert client.post("/bulk/", {"type": "reject"}).status_code == 422


def test_a_stranger_sees_decides_and_takes_back_nothing(client: Client, mails: Any, alice: Any, carol: Any) -> None:
    assert table(client, carol, mails).context["found"] == []
    assert say(client, carol, mails, "reject").status_code == 422
    batch = say(client, alice, mails).headers["Location"]
    client.force_login(carol)
    assert client.get(batch).status_code == client.post(f"{batch}recall/").status_code == 404


def test_one_undo_takes_back_the_whole_batch(client: Client, mails: Any, alice: Any) -> None:
    batch = say(client, alice, mails).headers["Location"]
    assert "Undo: take back 3 approvals" in client.get(batch).content.decode()
    client.post(f"{batch}recall/")
    assert states(mails) == ["pending"] * 3
    page = client.get(batch).content.decode()
    assert "3 approvals taken back" in page and "Undo: take back" not in page


def test_one_undo_takes_back_both_halves_of_a_list_that_was_sent_again_and_nothing_else(
    client: Client, mails: Any, alice: Any, bob: Any
) -> None:
    say(client, alice, mails[:1])
    factories.decide(mails[1], alice)
    batch = say(client, alice, mails).headers["Location"]
    assert "Undo: take back 2 approvals" in client.get(batch).content.decode()
    client.post(f"{batch}recall/")
    assert states(mails) == ["pending", "approved", "pending"]
    factories.decide(mails[0], bob)
    client.post(f"{batch}recall/")
    assert states(mails) == ["approved", "approved", "pending"]


def test_what_was_taken_back_is_approved_on_its_own_page(client: Client, mails: Any, alice: Any, bob: Any) -> None:
    client.post(f"{say(client, alice, mails[:1]).headers['Location']}recall/")
    assert say(client, alice, mails).status_code == 422
    assert why(client, bob, mails) == {mails[0].pk: "An approval of it was taken back."}
    assert states(mails) == ["pending"] * 3


def test_who_may_not_see_the_tickets_any_more_is_told_how_many_and_takes_back_none(
    client: Client, mails: Any, alice: Any
) -> None:
    batch = say(client, alice, mails).headers["Location"]
    alice.groups.clear()
    page = client.get(batch).content.decode()
    assert "3 tickets of this list are not yours to see any more." in page
    assert f"ticket-row-{mails[0].pk}" not in page and "Undo: take back" not in page
    client.post(f"{batch}recall/")
    assert states(mails) == ["approved"] * 3


def test_a_look_decides_nothing(client: Client, mails: Any, alice: Any) -> None:
    client.force_login(alice)
    client.get("/bulk/", {f"digest-{mails[0].pk}": mails[0].digest, "type": "approve"})
    assert client.get(f"/bulk/{'0' * 8}-{'0' * 4}-4{'0' * 3}-8{'0' * 3}-{'0' * 12}/recall/").status_code == 405
    assert states(mails) == ["pending"] * 3


def test_three_together_are_shown_in_as_many_statements_as_one(client: Client, mails: Any, alice: Any) -> None:
    client.force_login(alice)
    taken = []
    for chosen in (mails[:1], mails[1:], mails):
        with counted() as statements:
            table(client, alice, chosen)
        taken.append(len(statements))
    assert taken[1:] == taken[:1] * 2, taken


def test_what_became_of_three_is_shown_in_as_many_statements_as_of_one(client: Client, mails: Any, alice: Any) -> None:
    taken = []
    for chosen in (mails[:1], mails[1:]):
        place = say(client, alice, chosen).headers["Location"]
        with counted() as statements:
            client.get(place)
        taken.append(len(statements))
    assert taken[0] == taken[1], taken
