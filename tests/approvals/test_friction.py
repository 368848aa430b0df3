"""An approval in the browser takes the more care the higher the risk; to refuse or to answer takes none."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from approvals import friction
from approvals.errors import CareMissing, SignInAgain
from approvals.models import Decision, Ticket
from approvals.states import Gate, Risk
from tests import factories, panels

CAREFUL = {"seconds": 60.0, "is_second": False, "checked": True, "reason": "Right.", "signed_in_lately": True}


def check(care: friction.Care, **taken: Any) -> None:
    friction.check(care, friction.Taken(**(CAREFUL | taken)), at_least=5)


def care(risk: str, gate: str = "hard", **policy: Any) -> friction.Care:
    return friction.of(policy, risk=risk, gate=gate)


@pytest.mark.parametrize("risk", Risk.values)
def test_care_grows_with_the_risk(risk: str) -> None:
    asked = {"low": (False,) * 3, "medium": (False,) * 3, "high": (True, True, False), "critical": (True,) * 3}
    found = care(risk)
    assert (found.panel, found.reason, found.sign_in) == asked[risk]


def test_a_manual_gate_takes_all_of_it_at_any_risk() -> None:
    assert care("low", Gate.MANUAL) == friction.Care(panel=True, reason=True, sign_in=True)


def test_the_policy_may_ask_for_less_and_for_more() -> None:
    assert care("critical", ask_reason=False, ask_sign_in=False) == friction.Care(
        panel=True, reason=False, sign_in=False
    )
    assert care("low", ask_reason=True, ask_sign_in=True) == friction.Care(panel=False, reason=True, sign_in=True)


def test_whoever_took_all_care_passes() -> None:
    check(care("critical"))


@pytest.mark.parametrize(
    "taken",
    [{"seconds": None}, {"checked": False}, {"reason": " \n"}, {"seconds": 4.0}],
)
def test_what_was_left_out_is_asked_for(taken: dict[str, Any]) -> None:
    with pytest.raises(CareMissing):
        check(care("high"), **taken)


def test_a_second_look_is_asked_for_once() -> None:
    check(care("high"), seconds=1.0, is_second=True)


def test_an_old_sign_in_is_too_old_only_where_it_is_asked_for() -> None:
    check(care("high"), signed_in_lately=False)
    with pytest.raises(SignInAgain):
        check(care("critical"), signed_in_lately=False)


@pytest.fixture
def ticket(transfers: Any) -> Ticket:
    return factories.open_ticket(args_schema=factories.TRANSFER_SCHEMA)


@pytest.fixture
def purge(cast: dict[str, Any]) -> Ticket:
    factories.make_policy(
        "Purge", action="purge", risk="critical", gate="manual", confirm="{name}", requirements={"reviewers": 2}
    )
    return factories.open_ticket("purge", args={"name": "acme"})


def post(client: Client, ticket: Ticket, type: str = "approve", **typed: str) -> Any:
    sent = {"type": type, "digest": ticket.digest} | typed
    return client.post(f"/tickets/{ticket.pk}/decisions/", sent, headers={"Sec-Fetch-Mode": "navigate"})


def signed_in_now(client: Client, user: Any, *, ago: int = 0) -> None:
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - ago}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def test_a_bare_post_approves_nothing_of_high_risk(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    answer = post(client, ticket)
    assert (answer.status_code, "Look at the whole of it" in answer.content.decode()) == (428, True)
    assert not Decision.objects.exists()


def test_a_program_that_shows_no_page_is_held_to_what_the_api_is_held_to(
    client: Client, purge: Ticket, alice: Any
) -> None:
    signed_in_now(client, alice)
    sent = {"type": "approve", "digest": purge.digest}
    assert client.post(f"/tickets/{purge.pk}/decisions/", sent).status_code == 428
    assert client.post(f"/tickets/{purge.pk}/decisions/", sent | {"confirm": "acme"}).status_code == 302


def test_the_page_names_the_values_that_were_checked(client: Client, ticket: Ticket, alice: Any) -> None:
    client.force_login(alice)
    page = client.get(f"/tickets/{ticket.pk}/approve/").content.decode()
    checked = re.findall(r'checked-value untrusted">([^<]+)<', page)
    assert checked == ["amount 250", "to bob"]


def test_what_is_missing_stands_beside_its_field_and_what_was_written_stays(
    client: Client, ticket: Ticket, alice: Any
) -> None:
    client.force_login(alice)
    care = panels.looked_at(client, ticket, reason="I know this payee")
    page = post(client, ticket, seen=care["seen"], message=care["message"]).content.decode()
    assert all(words in page for words in ('href="#checked"', 'id="checked-error"', "I know this payee</textarea>"))


def test_what_one_person_looked_at_is_no_look_of_another_s(
    client: Client, ticket: Ticket, alice: Any, bob: Any
) -> None:
    client.force_login(alice)
    care = panels.looked_at(client, ticket)
    client.force_login(bob)
    assert post(client, ticket, **care).status_code == 428


def test_whoever_is_quick_looks_twice(client: Client, ticket: Ticket, alice: Any, settings: Any) -> None:
    settings.COUNTERSIGN_SECOND_LOOK_SECONDS = 5
    client.force_login(alice)
    care = panels.looked_at(client, ticket)
    answer = post(client, ticket, **care)
    assert (answer.status_code, "A second look" in answer.content.decode()) == (428, True)
    assert post(client, ticket, **(care | {"seen": seen_in(answer)})).status_code == 302


def seen_in(answer: Any) -> str:
    """The note on the page."""
    found = re.search(r'name="seen" value="([^"]+)"', answer.content.decode())
    assert found
    return found[1]


def test_what_is_corrected_was_looked_at_meanwhile(client: Client, ticket: Ticket, alice: Any, settings: Any) -> None:
    client.force_login(alice)
    care = panels.looked_at(client, ticket)
    assert seen_in(post(client, ticket, **(care | {"message": ""}))) == care["seen"]
    settings.COUNTERSIGN_SECOND_LOOK_SECONDS = 5
    second = seen_in(post(client, ticket, **care))
    kept = seen_in(post(client, ticket, **(care | {"seen": second, "message": ""})))
    assert post(client, ticket, **(care | {"seen": kept})).status_code == 302


@pytest.mark.parametrize(("ago", "status"), [(60, 302), (16 * 60, 428)])
def test_what_cannot_be_undone_takes_a_fresh_sign_in(
    client: Client, purge: Ticket, alice: Any, ago: int, status: int
) -> None:
    signed_in_now(client, alice, ago=ago)
    assert post(client, purge, confirm="acme", **panels.looked_at(client, purge)).status_code == status


def test_the_page_says_before_anything_is_typed_that_the_sign_in_is_too_old(
    client: Client, purge: Ticket, alice: Any
) -> None:
    signed_in_now(client, alice, ago=3600)
    page = client.get(f"/tickets/{purge.pk}/approve/").content.decode()
    assert f"/accounts/reauthenticate/?next=/tickets/{purge.pk}/approve/" in page


def test_the_exact_value_is_typed_whatever_else_was_done(client: Client, purge: Ticket, alice: Any) -> None:
    signed_in_now(client, alice)
    care = panels.looked_at(client, purge)
    assert post(client, purge, confirm="ACME", **care).status_code == 428
    assert post(client, purge, **care).status_code == 428
    assert post(client, purge, confirm=" acme ", **care).status_code == 302


@contextmanager
def riskier_before_the_lock(ticket: Ticket) -> Iterator[None]:
    """The ticket is looked up as it was, and weighs more by the time its row is locked."""
    forced: list[int] = []

    def force_once(execute: Any, sql: str, *told: Any) -> Any:
        if "FOR UPDATE" in sql and not forced:
            forced.append(ticket.pk)
            factories.force([ticket], risk="high")
        return execute(sql, *told)

    with connection.execute_wrapper(force_once):
        yield
    assert forced


def test_what_gets_riskier_before_it_is_locked_takes_the_care_of_the_higher_risk(
    client: Client, cast: Any, alice: Any
) -> None:
    factories.make_policy("Mail", action="send_email", risk="low", requirements={"reviewers": 1})
    ticket = factories.open_ticket("send_email")
    client.force_login(alice)
    with riskier_before_the_lock(ticket):
        assert post(client, ticket).status_code == 428
    assert not Decision.objects.exists()


def test_whoever_has_signed_takes_as_much_care_for_what_they_change_then(
    client: Client, transfers: Any, alice: Any
) -> None:
    with factories.unguarded():
        type(transfers).objects.update(bar_editor=False)
    ticket = factories.open_ticket(args={"amount": 250, "to": "bob", "note": "x", "memo": "y", "text": "z"})
    factories.decide(ticket, alice)
    client.force_login(alice)
    assert post(client, ticket, "edit", **{"args.memo": "thanks"}).status_code == 428
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("type", ["reject", "respond"])
def test_to_refuse_and_to_answer_take_no_care(client: Client, purge: Ticket, alice: Any, type: str) -> None:
    client.force_login(alice)
    assert post(client, purge, type, message="Ask Frank first.").status_code == 302


def test_an_edit_of_an_amount_says_why(client: Client, transfers: Any, alice: Any) -> None:
    with factories.unguarded():
        type(transfers).objects.update(bar_editor=True)
    ticket = factories.open_ticket(args={"amount": 250, "to": "bob", "note": "x", "memo": "y", "text": "z"})
    client.force_login(alice)
    typed = {"args.amount": "25"}
    assert post(client, ticket, "edit", **typed).status_code == 428
    assert post(client, ticket, "edit", message="One zero too many", **typed).status_code == 302


def test_an_edit_of_something_else_needs_no_reason(client: Client, transfers: Any, alice: Any) -> None:
    with factories.unguarded():
        type(transfers).objects.update(bar_editor=True)
    ticket = factories.open_ticket(args={"amount": 250, "to": "bob", "note": "x", "memo": "y", "text": "z"})
    client.force_login(alice)
    assert post(client, ticket, "edit", **{"args.memo": "thanks"}).status_code == 302


def test_a_closed_ticket_is_said_to_be_closed_before_any_care(
    client: Client, ticket: Ticket, alice: Any, carol: Any
) -> None:
    factories.decide(ticket, carol, "reject")
    client.force_login(alice)
    assert post(client, ticket).status_code == 409


def test_whoever_may_not_approve_is_sent_to_the_ticket(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket(requester=alice)
    client.force_login(alice)
    assert client.get(f"/tickets/{ticket.pk}/approve/").headers["Location"] == ticket.get_absolute_url()


def test_the_page_folds_and_cuts_nothing(client: Client, transfers: Any, alice: Any) -> None:
    body = "line\n" * 3000 + "the end"
    ticket = factories.open_ticket(args={"amount": 1, "body": body})
    client.force_login(alice)
    page = client.get(f"/tickets/{ticket.pk}/approve/").content.decode()
    assert "the end</div>" in page and 'class="whole"' in page
