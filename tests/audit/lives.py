"""One life of everything there is, through the doors that people and programs use."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.test import Client

from approvals import deadlines
from approvals.models import AuditEntry, Policy, Ticket
from tests import factories
from tests.api.programs import Program


def prepare() -> None:
    """The policies that it is lived under."""
    factories.make_policy(
        "Mail", action="mail", risk="medium", requirements={"reviewers": 1}, recall_seconds=60,
        may_extend_seconds=3600, may_extend_times=1,
    )  # fmt: skip
    factories.make_policy("Late", action="late", requirements={"reviewers": 1}, steps=[("security", 1, 60)])


def live(cast: Any) -> None:
    """All of it, once; only the owner of the tables may erase."""
    Client().post("/accounts/login/", {"login": "alice", "password": "wrong"})
    alice, admin, dave = Person("alice"), Person("admin"), Person("dave")
    decided(alice)
    closed_by_the_clock()
    carried_out(cast)
    governed(admin, dave)
    alice.client.post("/accounts/logout/")


class Person:
    """Somebody with a browser, signed in with a password."""

    def __init__(self, name: str) -> None:
        self.client = Client()
        known = {"login": name, "password": settings.COUNTERSIGN_DEMO_PASSWORD}
        assert self.client.post("/accounts/login/", known).status_code == 302, name

    def post(self, address: str, **data: Any) -> Any:
        response = self.client.post(address, data)
        is_led_away = response.headers.get("Location", "").startswith("/accounts/")
        assert response.status_code in {200, 302} and not is_led_away, (address, response, response.headers)
        return response

    def decide(self, ticket: Ticket, type: str, **data: str) -> None:
        ticket.refresh_from_db()
        self.post(f"/tickets/{ticket.pk}/decisions/", type=type, digest=ticket.digest, **data)


def decided(alice: Person) -> None:
    """Everything that a reviewer does with a ticket."""
    mail = factories.open_ticket("mail", args={"to": "ana"})
    alice.post(f"/tickets/{mail.pk}/claim/")
    alice.post(f"/tickets/{mail.pk}/claim/release/")
    alice.post(f"/tickets/{mail.pk}/handover/", to="bob", note="You know them.")
    alice.post(f"/tickets/{mail.pk}/extension/")
    alice.decide(mail, "edit", **{"args.to": "ben", "message": "Ben asked."})
    alice.post(f"/tickets/{mail.pk}/recall/")
    alice.decide(mail, "reject", message="Not today.")
    secret = factories.open_ticket("mail", args={"pin": 4711})
    alice.post(f"/tickets/{secret.pk}/secrets/", digest=secret.digest)


def closed_by_the_clock() -> None:
    """Passed on, then over."""
    late = factories.open_ticket("late")
    deadlines.expire(factories.overdue(late).pk)
    deadlines.expire(factories.overdue(late).pk)


def carried_out(cast: Any) -> None:
    """By a program of Dave's, three times with three ends."""
    agent, reviewer = Program(cast["dave"], "request"), Program(cast["bob"], "decide")
    for state, error in (("succeeded", None), ("failed", "No such payee."), ("unknown", "It timed out.")):
        ticket = agent.ask(action="pay", args={"to": state}).json()["id"]
        assert reviewer.decide(ticket).status_code == 200
        assert agent.post(f"tickets/{ticket}/claim", {"claim": "one"}).status_code == 200
        assert agent.post(f"tickets/{ticket}/outcome", {"state": state, "error": error}).status_code == 200


def governed(admin: Person, dave: Person) -> None:
    """A group, a policy and a token, from their beginning to their end."""
    admin.post("/admin/auth/group/add/", name="night shift")
    form = {
        "name": "New", "position": 9, "enabled": "on", "graph": "*", "action": "new", "condition": "", "risk": "low",
        "gate": "auto", "on_timeout": "reject", "bar_requester": "on", "deny_threshold": 1, "recall_seconds": 0,
        "final_action": "reject", "may_extend_seconds": 0, "may_extend_times": 1, "steps-TOTAL_FORMS": 0,
        "steps-INITIAL_FORMS": 0, "requirements-TOTAL_FORMS": 0, "requirements-INITIAL_FORMS": 0,
    }  # fmt: skip
    admin.post("/admin/approvals/policy/add/", **form)
    policy = Policy.objects.get(name="New")
    admin.post(f"/admin/approvals/policy/{policy.pk}/change/", **{**form, "action": "newer", "seen": policy.version})
    admin.post(f"/admin/approvals/policy/{policy.pk}/delete/", post="yes")
    dave.client.post("/accounts/reauthenticate/", {"password": settings.COUNTERSIGN_DEMO_PASSWORD})
    dave.post("/settings/tokens/new/", name="mine", scope="request", days=1)
    dave.post(f"/settings/tokens/{_newest_token()}/revocation/")


def _newest_token() -> int:
    return int(AuditEntry.objects.filter(type="token.created").latest("pk").facts["token"])
