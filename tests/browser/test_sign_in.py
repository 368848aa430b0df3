"""Every way in, in a real browser: password, authenticator app, passkey, single sign-on."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.models import User

from tests import daphne
from tests.browser.stage import elsewhere, shown
from tests.browser.windows import needs_chromium
from tests.stubs import openid

PASSWORD = "correct horse battery staple"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    needs_chromium,
]


@pytest.fixture
def alice(alice: Any) -> Any:
    """Alice with a password that the test knows."""
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def sign_in(page: Any, address: str, *, password: str = PASSWORD) -> None:
    page.goto(f"{address}/accounts/login/")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def confirm_password(page: Any) -> None:
    """Asked before anything that changes how one signs in."""
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def code_for(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238)."""
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time() // 30)))


def test_a_password_opens_the_inbox(page, alice, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address)
        shown(page, "h1", "Nothing is waiting for you")
    assert page.problems == []


def test_a_wrong_password_is_one_sentence(page, alice, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address, password="wrong")
        assert "/accounts/login/" in page.url
        shown(page, "main", "The name or the password is not right.")
    assert page.problems == []


def test_an_authenticator_app_is_asked_for_its_code(page, alice, test_database):
    with daphne.serving(DATABASE_URL=test_database) as address:
        sign_in(page, address)
        page.goto(f"{address}/accounts/2fa/totp/activate/")
        confirm_password(page)
        secret = page.get_by_role("textbox", name="Authenticator secret").input_value()
        page.get_by_label("Authenticator code").fill(code_for(secret))
        page.get_by_role("button", name="Activate").click()
        shown(page, "main", "recovery")
        spare = page.get_by_label("Unused codes").input_value().split()[0]
        page.context.clear_cookies()
        sign_in(page, address)
        page.goto(f"{address}/")
        assert "/2fa/authenticate" in page.url, "half signed in is not signed in"
        page.get_by_label("Code").fill(spare)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        shown(page, "h1", "Nothing is waiting for you")
    assert page.problems == []


def test_a_passkey_signs_in(page, alice, test_database):
    port = daphne.free_port()
    here = f"http://localhost:{port}"  # a passkey belongs to a name, never to an address
    with daphne.serving(
        port=port, DATABASE_URL=test_database, COUNTERSIGN_MFA="totp,passkeys", COUNTERSIGN_PUBLIC_URL=here
    ):
        device = page.context.new_cdp_session(page)
        device.send("WebAuthn.enable")
        device.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY})
        sign_in(page, here)
        page.goto(f"{here}/accounts/2fa/webauthn/add/")
        confirm_password(page)
        page.get_by_label("Passwordless").check()
        page.get_by_role("button", name="Add").click()
        page.wait_for_url(lambda url: "/webauthn/add" not in url)
        page.context.clear_cookies()
        page.goto(f"{here}/accounts/login/")
        page.get_by_role("button", name="passkey").click()
        shown(page, "h1", "Nothing is waiting for you")
    assert page.problems == []


PASSKEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_single_sign_on_makes_an_account_that_may_decide_nothing(page, cast, test_database):
    erin = {"sub": "e-1", "preferred_username": "erin.new", "email": "erin.new@example.com"}
    with openid.providing(erin) as provider:
        oidc = {"ISSUER": provider.issuer, "CLIENT_ID": openid.CLIENT_ID, "CLIENT_SECRET": openid.CLIENT_SECRET}
        settings = {f"COUNTERSIGN_OIDC_{name}": value for name, value in oidc.items()}
        with daphne.serving(DATABASE_URL=test_database, **settings) as address:
            page.goto(f"{address}/accounts/login/")
            page.get_by_role("button", name="Sign in with Single sign-on").click()
            shown(page, "h1", "Nothing is waiting for you")
    user = elsewhere(User.objects.get, username="erin.new")
    assert elsewhere(user.groups.count) == 0
    assert page.problems == []
