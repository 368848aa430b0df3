"""Where people make and end their own tokens, and where administrators end anybody's."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.test import Client

from approvals import tokens
from approvals.models import Token
from approvals.states import Scope

PAGE = "/settings/tokens/"


@pytest.fixture
def browser(client: Client, alice: Any) -> Client:
    """Alice has just shown who she is."""
    client.force_login(alice)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session["account_authentication_methods_user"] = str(alice.pk)
    session.save()
    return client


def make(browser: Client, **fields: Any) -> Any:
    return browser.post(f"{PAGE}new/", {"name": "CI", "scope": "request", "days": 30} | fields)


def test_the_secret_is_shown_once_and_works(browser: Client, alice: Any) -> None:
    page = make(browser)
    [secret] = set(re.findall(r"cs_[\w-]{43}[0-9a-f]{8}", page.content.decode()))
    assert tokens.find(secret).user == alice
    assert "no-store" in page.headers["Cache-Control"]
    assert secret not in browser.get(PAGE).content.decode()


def test_it_lists_ones_own_and_nobody_elses(browser: Client, alice: Any, bob: Any) -> None:
    tokens.create(alice, scope=Scope.READ, actor=alice, name="Hers")
    tokens.create(bob, scope=Scope.READ, actor=bob, name="Theirs")
    page = browser.get(PAGE).content.decode()
    assert "Hers" in page
    assert "Theirs" not in page


@pytest.mark.parametrize("wrong", [{"days": 91}, {"days": 0}, {"scope": "all"}, {"name": ""}])
def test_a_wrong_value_makes_no_token(browser: Client, wrong: dict[str, Any]) -> None:
    assert make(browser, **wrong).status_code == 422
    assert not Token.objects.exists()


def test_who_comes_back_from_showing_who_they_are_is_led_to_the_form(browser: Client) -> None:
    assert browser.get(f"{PAGE}new/").headers["Location"] == PAGE
    assert not Token.objects.exists()


def test_an_old_session_has_to_show_who_it_is_first(client: Client, alice: Any) -> None:
    client.force_login(alice)
    assert "/reauthenticate" in make(client).headers["Location"]
    assert not Token.objects.exists()


def test_whoever_signed_in_with_a_password_just_now_is_not_asked_for_it_again_and_after_a_while_is(
    client: Client, alice: Any
) -> None:
    alice.set_password("correct horse battery")
    alice.save()
    client.post("/accounts/login/", {"login": "alice", "password": "correct horse battery"})
    assert make(client).status_code == 200
    session = client.session
    session["account_authentication_methods"][0]["at"] -= 15 * 60
    session.save()
    assert "/reauthenticate" in make(client).headers["Location"]


def test_one_revokes_ones_own(browser: Client, alice: Any) -> None:
    token, _ = tokens.create(alice, scope=Scope.READ, actor=alice)
    browser.post(f"{PAGE}{token.pk}/revocation/")
    assert not Token.objects.live().exists()


def test_somebody_elses_is_not_found(browser: Client, bob: Any) -> None:
    token, _ = tokens.create(bob, scope=Scope.READ, actor=bob)
    assert browser.post(f"{PAGE}{token.pk}/revocation/").status_code == 404
    assert Token.objects.live().exists()


def test_an_administrator_revokes_anybodys_and_sees_no_hash(client: Client, admin: Any, bob: Any) -> None:
    token, _ = tokens.create(bob, scope=Scope.READ, actor=bob)
    client.force_login(admin)
    assert token.digest not in client.get(f"/admin/approvals/token/{token.pk}/change/").content.decode()
    client.post("/admin/approvals/token/", {"action": "revoke", "_selected_action": [token.pk]})
    assert not Token.objects.live().exists()
