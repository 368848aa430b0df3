"""Signing in and out, failures, and what is done in the admin are in the record, with how the person signed in."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client

from approvals.models import AuditEntry
from hitl_site import attendance
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allauth.core.ratelimit.consume", lambda *args, **kwargs: True)


def sign_in(client: Client, name: str, password: str | None = None) -> None:
    password = settings.COUNTERSIGN_DEMO_PASSWORD if password is None else password
    client.post("/accounts/login/", {"login": name, "password": password})


def told(type: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(type=type).order_by("id"))


def test_signing_in_and_out_says_who_and_how(client: Client, alice: Any) -> None:
    sign_in(client, "alice")
    client.post("/accounts/logout/")
    assert [(e.actor_name, e.told["method"]) for e in told("sign-in") + told("sign-out")] == [("alice", "password")] * 2


def test_a_decision_says_how_its_reviewer_signed_in(client: Client, cast: Any) -> None:
    ticket = factories.open_ticket("unknown_action")
    sign_in(client, "alice")
    client.post(f"/tickets/{ticket.pk}/decisions/", {"type": "approve", "digest": ticket.digest})
    assert [entry.told["method"] for entry in told("decision.recorded")] == ["password"]


def test_a_failure_names_only_people_who_are_known(client: Client, alice: Any) -> None:
    sign_in(client, "alice", "wrong")
    sign_in(client, "my secret password", "alice")
    assert [entry.facts["person"] for entry in told("sign-in.failed")] == ["alice", None]


def test_whoever_tries_passwords_does_not_fill_the_record(
    client: Client, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "MOST_FAILURES", 2)
    for _ in range(4):
        sign_in(client, "alice", "wrong")
    assert len(told("sign-in.failed")) == 2


def test_what_is_done_in_the_admin_is_in_the_record(client: Client, admin: Any) -> None:
    client.force_login(admin)
    client.post("/admin/auth/group/add/", {"name": "night shift"})
    group = Group.objects.get(name="night shift")
    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "day shift"})
    client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})
    kinds = [
        (entry.type, entry.actor_name, entry.facts["model"])
        for entry in AuditEntry.objects.filter(stream="system/admin")
    ]
    assert kinds == [(f"admin.{what}", "admin", "auth.group") for what in ("added", "changed", "deleted")]
