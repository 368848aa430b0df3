"""Everything that happens is in the record: when, who, how they signed in, what, why, and on which version of what.

One life of everything there is; then each kind is looked for with each
of its facts. A kind that is added has to be put into the table below.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client

from approvals import entry_words, history
from approvals.audit import sealing
from approvals.models import AuditEntry, Ticket
from tests.audit import lives

pytestmark = pytest.mark.django_db

#: Kind: who did it, how they had signed in, and what else it says. Of a ticket: its policy and version, its revision
#: and its digest too, which are asked of all.
PERSON, NOBODY = ("alice", "password"), (None, "system")
KINDS: dict[str, tuple[tuple[str | None, str], dict[str, Any]]] = {
    "ticket.opened": (NOBODY, {"args": {"to": "ana"}}),
    "handover.made": (PERSON, {"receiver": "bob", "message": "You know them."}),
    "claim.taken": (PERSON, {}),
    "claim.released": (PERSON, {}),
    "deadline.extended": (PERSON, {"seconds": 3600}),
    "revision.created": (PERSON, {"args": {"to": "ben"}}),
    "decision.recorded": (PERSON, {"decision": "edit", "message": "Ben asked.", "via": "browser"}),
    "ticket.approved": (PERSON, {"outcome": "edited"}),
    "ticket.recalled": (PERSON, {}),
    "ticket.rejected": (PERSON, {"outcome": "rejected", "message": "Not today."}),
    "ticket.escalated": (NOBODY, {"group": "security", "needed": 1}),
    "ticket.expired": (NOBODY, {"outcome": "timed_out"}),
    "ticket.delivered": (NOBODY, {}),
    "execution.succeeded": (NOBODY, {}),
    "execution.failed": (NOBODY, {"error": "No such payee."}),
    "execution.unknown": (NOBODY, {"error": "It timed out."}),
    "secret.revealed": (PERSON, {"count": 1, "places": ["/pin"]}),
    "payload.erased": (("admin", "system"), {"reason": "asked for"}),
    "policy.created": (("admin", "password"), {}),
    "policy.changed": (("admin", "password"), {}),
    "policy.deleted": (("admin", "password"), {}),
    "token.created": (("dave", "password"), {"scope": "request"}),
    "token.revoked": (("dave", "password"), {}),
    "sign-in": (PERSON, {}),
    "sign-in.failed": (NOBODY, {"person": "alice"}),
    "sign-out": (PERSON, {}),
    "admin.added": (("admin", "password"), {"model": "auth.group"}),
}
#: Told by a person's entry beside it, or by a place of its own: tests of their own look for them.
ELSEWHERE = {kind for kind in {*history.WORDS, *entry_words.WORDS} if "." in kind} - KINDS.keys()


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allauth.core.ratelimit.consume", lambda *args, **kwargs: True)


@pytest.fixture
def life(cast: Any) -> None:
    """All of it, once."""
    lives.prepare()
    lives.live(cast)
    done = Ticket.objects.get(execution="succeeded")
    call_command("erase_audit", "--ticket", str(done.pk), "--reason", "asked for", "--by", "admin")


def _fits(entry: AuditEntry, who: tuple[str | None, str], facts: dict[str, Any]) -> bool:
    told = json.loads(bytes(entry.body))
    known = entry.facts
    return (told["actor"], told["method"]) == who and all(known.get(name) == value for name, value in facts.items())


def test_every_kind_is_in_the_record_with_all_that_it_has_to_say(life: None) -> None:
    found: dict[str, list[AuditEntry]] = {}
    for entry in AuditEntry.objects.select_related("payload").order_by("pk"):
        found.setdefault(entry.type, []).append(entry)
    missing = [kind for kind, said in KINDS.items() if not any(_fits(entry, *said) for entry in found.get(kind, []))]
    assert missing == [], {kind: [(e.told, e.facts) for e in found.get(kind, [])] for kind in missing}
    assert found.keys() - KINDS.keys() <= ELSEWHERE


def test_every_entry_says_when_and_those_of_tickets_on_which_version_under_which_policy(life: None) -> None:
    for entry in AuditEntry.objects.all():
        told = entry.told
        assert abs(datetime.fromisoformat(told["at"]) - datetime.now(UTC)) < timedelta(minutes=5)
        assert (told["stream"], told["seq"]) == (entry.stream, entry.seq)
        if entry.ticket_id:
            shown = told["ticket"]
            assert shown["revision"] >= 1 and len(shown["digest"]) == 64, told
            assert shown["policy"] and shown["policy_version"] >= 0, told
    edited = AuditEntry.objects.get(type="revision.created").told["ticket"]
    opened = AuditEntry.objects.filter(ticket=edited["id"], type="ticket.opened").get().told["ticket"]
    assert (edited["revision"], edited["digest"] != opened["digest"]) == (2, True)
    assert edited["digest"] == Ticket.objects.get(pk=edited["id"]).digest


def test_all_of_it_is_whole(life: None) -> None:
    sealing.seal()
    call_command("verify_audit")


USER = {"username": "night-desk", "is_active": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}


def test_the_admin_s_entries_say_who_was_given_what(client: Client, cast: Any) -> None:
    client.force_login(cast["admin"])
    finance = Group.objects.get(name="finance")
    known = {"password1": "correct-horse-9", "password2": "correct-horse-9", "usable_password": "true"}
    _sent(client, "auth/user/add/", username="night-desk", **known)
    user = User.objects.get(username="night-desk")
    _sent(client, f"auth/user/{user.pk}/change/", **USER, groups=[finance.pk], is_superuser="on")
    _sent(client, f"auth/user/{user.pk}/change/", **USER)
    _sent(client, f"auth/user/{user.pk}/password/", **known)
    _sent(client, "approvals/linkedaccount/add/", account="U1", channel="slack", user=user.pk)
    _sent(client, "approvals/webhook/add/", name="ours", address="https://example.com/hook", graph="", enabled="on")
    _sent(client, f"auth/group/{finance.pk}/change/", name="finance", permissions=[_view_run()])
    _sent(client, f"auth/user/{user.pk}/delete/", post="yes")
    entries = AuditEntry.objects.filter(type__startswith="admin.").order_by("pk")
    told = [(entry.facts["model"], entry.facts["changes"][1:]) for entry in entries]
    joined = {"is_superuser": True, "groups": {"added": ["finance"], "removed": []}}
    left = {"is_superuser": False, "groups": {"added": [], "removed": ["finance"]}}
    may = {"permissions": {"added": ["Agents | run | Can view run"], "removed": []}}
    assert told == [
        ("auth.user", []), ("auth.user", [{"given": joined}]), ("auth.user", [{"given": left}]), ("auth.user", []),
        ("approvals.linkedaccount", [{"given": {"user": "night-desk"}}]), ("approvals.webhook", []),
        ("auth.group", [{"given": may}]), ("auth.user", []),
    ]  # fmt: skip
    assert entries[0].facts["name"] == entries[7].facts["name"] == "night-desk"
    assert "correct-horse" not in str([entry.told for entry in AuditEntry.objects.all()])


def _view_run() -> int:
    return Permission.objects.get(codename="view_run").pk


def _sent(client: Client, where: str, **form: Any) -> None:
    response = client.post(f"/admin/{where}", form)
    assert response.status_code == 302, response.context["errors"]


def test_an_account_made_and_a_password_set_on_the_server_are_on_record(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("createsuperuser", "--noinput", "--username", "second", "--email", "second@example.com", verbosity=0)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "correct-horse-9")
    call_command("changepassword", "second")
    told = AuditEntry.objects.filter(stream="system/account").order_by("pk")
    facts = {"person": "second", "superuser": True}
    assert [(entry.type, entry.facts) for entry in told] == [("person.added", facts), ("person.changed", facts)]
    assert User.objects.get().check_password("correct-horse-9")
