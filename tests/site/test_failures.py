"""A request that fails says so in one sentence, and htmx never gets a whole page to put into its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from approvals.models import Decision
from hitl_site import failures
from tests import factories

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/tickets/7/"}


def posted(client: Client, headers: dict[str, str] | None = None, **data: str) -> Any:
    return client.post(f"/tickets/{factories.open_ticket().pk}/decisions/", {"type": "reject", **data}, headers=headers)


@pytest.fixture
def strict(alice: Any, transfers: Any) -> Client:
    """Alice's browser, with a page from before she signed in."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    return client


def test_page_that_was_open_too_long_keeps_its_place_and_says_so(strict: Client) -> None:
    answer = posted(strict, HTMX)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (403, "#problem")
    assert "This page was open too long; nothing was sent." in answer.content.decode()
    assert 'href="/tickets/7/">Load it again' in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert not Decision.objects.exists()


def test_form_that_was_open_too_long_shows_what_was_written(strict: Client) -> None:
    page = posted(strict, message="Wrong <account>", csrfmiddlewaretoken="secret").content.decode()
    assert "This page was open too long; nothing was sent." in page
    assert "Wrong &lt;account&gt;" in page
    assert "secret" not in page


def test_sign_in_form_that_was_open_too_long_shows_no_password(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/accounts/login/", {"login": "alice", "password": "hunter2", "message": "hello"})
    assert answer.status_code == 403
    assert "hunter2" not in answer.content.decode()
    assert "hello" not in answer.content.decode()


def test_htmx_of_a_session_that_ended_goes_to_sign_in_and_back(client: Client, transfers: Any) -> None:
    answer = posted(client, HTMX)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["HX-Redirect"] == "/accounts/login/?next=/tickets/7/"


def test_htmx_is_never_sent_to_another_site(client: Client, transfers: Any) -> None:
    answer = posted(client, {**HTMX, "HX-Current-URL": "https://elsewhere.example/tickets/7/"})
    assert answer.headers["HX-Redirect"] == "/accounts/login/?next=/"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_ticket_that_is_gone_says_so(client: Client, alice: Any, headers: dict[str, str]) -> None:
    client.force_login(alice)
    answer = client.post("/tickets/99999/decisions/", headers=headers)
    assert answer.status_code == 404
    assert ("<html" in answer.content.decode()) == (not headers)
    assert answer.headers.get("HX-Retarget") == ("#problem" if headers else None)


@pytest.mark.parametrize("answer", [failures.bad_request, failures.forbidden, failures.not_found])
def test_every_failure_is_a_page_or_a_sentence(answer: Any) -> None:
    asked = RequestFactory(headers={"HX-Request": "true"}).get("/")
    asked.htmx = None
    assert b"<html" not in answer(asked, Exception()).content
    assert b"<html" in answer(RequestFactory().get("/"), Exception()).content


def test_fault_of_ours_is_a_page_or_a_sentence() -> None:
    asked = RequestFactory(headers={"HX-Request": "true"}).get("/")
    assert b"has been logged" in failures.server_error(asked).content
    assert failures.server_error(RequestFactory().get("/")).status_code == 500
