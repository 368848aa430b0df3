"""Three practice tickets: they ask what real ones ask, and leave nothing behind."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals import practice
from approvals.models import AuditEntry, Decision, Ticket
from tests import factories

CARE = {"type": "approve", "checked": "on", "message": "They asked in writing.", "confirm": "acme-trial"}


@pytest.fixture
def newcomer(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def said(client: Client, name: str, **posted: str) -> Any:
    return client.post(f"/welcome/practice/{name}/", posted)


def test_the_three_lead_to_the_inbox_and_leave_nothing(newcomer: Client) -> None:
    entries = AuditEntry.objects.count()
    assert said(newcomer, "low", type="approve").url == "/welcome/practice/medium/"
    right = {"args.amount": "420", "args.to": "ACME GmbH"}
    assert "is now </span>420</ins>" in said(newcomer, "medium", step="review", **right).content.decode()
    assert said(newcomer, "medium", type="edit", **right).url == "/welcome/practice/critical/"
    assert said(newcomer, "critical", **CARE).url == "/"
    assert "You are set" in newcomer.get("/").content.decode()
    assert (AuditEntry.objects.count(), Ticket.objects.count(), Decision.objects.count()) == (entries, 0, 0)


@pytest.mark.parametrize(
    ("name", "posted", "words"),
    [
        ("medium", {"type": "approve"}, "The person asked for 420"),
        ("medium", {"type": "edit", "args.amount": "500"}, "The person asked for 420"),
        ("medium", {"step": "review", "args.amount": "a lot"}, "number"),
        ("critical", CARE | {"confirm": "CONFIRM"}, "Type “acme-trial” to confirm."),
        ("critical", CARE | {"message": " "}, practice.REASON),
        ("critical", CARE | {"checked": ""}, practice.CHECK),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(
    newcomer: Client, name: str, posted: dict[str, str], words: str
) -> None:
    answer = said(newcomer, name, **posted)
    page = answer.content.decode()
    assert (answer.status_code, "<title>Error: " in page) == (422, True)
    assert page.count(words) >= 2
    assert all(text in page for name, text in posted.items() if name not in ("type", "step"))


def test_a_no_is_never_wrong(newcomer: Client) -> None:
    assert said(newcomer, "critical", type="reject").url == "/"


def test_it_is_offered_until_somebody_has_practised_skipped_or_decided(
    newcomer: Client, transfers: Any, alice: Any, bob: Any
) -> None:
    def offered() -> bool:
        return 'id="practice"' in newcomer.get("/").content.decode()

    assert offered()
    assert newcomer.post("/welcome/practice/skip/").url == "/"
    assert not offered()
    assert 'id="practice"' in newcomer.get("/welcome/").content.decode()
    newcomer.force_login(bob)
    del newcomer.cookies["countersign_practice"]
    assert offered()
    factories.decide(factories.open_ticket(), bob)
    assert not offered()


def test_there_are_three_and_no_other(newcomer: Client) -> None:
    assert newcomer.get("/welcome/practice/high/").status_code == 404
