"""Signing in: our own words, one way in, nothing that greets; and an icon for whoever asks."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.test import Client


def sign_in(client: Client, name: str, password: str) -> Any:
    return client.post("/accounts/login/", {"login": name, "password": password}, follow=True)


def test_signing_in_leads_to_the_inbox_without_a_greeting(client: Client, alice: Any) -> None:
    answer = sign_in(client, "alice", os.environ["COUNTERSIGN_DEMO_PASSWORD"])
    assert answer.redirect_chain == [("/", 302)]
    assert list(answer.context["messages"]) == []


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_wrong_name_and_wrong_password_read_the_same(client: Client, alice: Any, name: str) -> None:
    assert "The name or the password is not right." in sign_in(client, name, "wrong").content.decode()


def test_admin_has_no_sign_in_of_its_own(client: Client, db: None) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1] == ("/accounts/login/?next=%2Fadmin%2F", 302)


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/accounts/logout/", "Sign out"),
        ("/accounts/password/change/", "Change password"),
        ("/accounts/reauthenticate/", "Confirm that it is you"),
        ("/accounts/2fa/", "Two-factor authentication"),
        ("/accounts/email/", "Email addresses"),
        ("/accounts/3rdparty/", "Account connections"),
    ],
)
def test_account_pages_have_titles_like_ours(client: Client, alice: Any, path: str, title: str) -> None:
    client.force_login(alice)
    page = client.get(path, follow=True).content.decode()
    assert f"<title>{title} – Countersign</title>" in " ".join(page.split()).replace("<title> ", "<title>")
    assert f"<h1>{title}</h1>" in " ".join(page.split()).replace("<h1> ", "<h1>").replace(" </h1>", "</h1>")


def test_without_single_sign_on_nobody_is_offered_a_heading_over_nothing(client: Client, alice: Any) -> None:
    client.force_login(alice)
    page = client.get("/accounts/3rdparty/", follow=True).content.decode()
    assert "No single sign-on is set up here" in page
    assert "third-party" not in page.lower()


@pytest.mark.parametrize("path", ["/", "/admin/", "/accounts/login/"])
def test_every_page_names_its_icon(client: Client, admin: Any, path: str) -> None:
    if path != "/accounts/login/":
        client.force_login(admin)
    assert 'rel="icon" href="/static/favicon.svg"' in client.get(path).content.decode()


def test_icon_is_found_where_browsers_look_by_themselves(client: Client) -> None:
    assert client.get("/favicon.ico").headers["Location"] == "/static/favicon.svg"
