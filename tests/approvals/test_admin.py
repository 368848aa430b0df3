"""Policies are edited in the admin, with reasons; tickets and the record are only read."""

from __future__ import annotations

import json
import re

import pytest
from django.urls import reverse

from approvals.models import AuditEntry, Policy
from tests.factories import decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client, admin):
    client.force_login(admin)
    return client


def fields(**changes):
    return {
        "name": "Mail", "position": 1, "enabled": "on", "graph": "*", "action": "send_email", "condition": "",
        "risk": "medium", "gate": "hard", "deadline_seconds": 3600, "on_timeout": "reject", "bar_requester": "on",
        "deny_threshold": 1, "recall_seconds": 0, "final_action": "reject", "may_extend_seconds": 0,
        "may_extend_times": 1, "steps-TOTAL_FORMS": 0, "steps-INITIAL_FORMS": 0,
        "requirements-TOTAL_FORMS": 1, "requirements-INITIAL_FORMS": 0, "requirements-0-needed": 1, **changes,
    }  # fmt: skip


STEP = {"steps-TOTAL_FORMS": 1, "steps-0-position": 1, "steps-0-needed": 1, "steps-0-deadline_seconds": 3600}


@pytest.fixture
def reviewers(cast):
    return cast["alice"].groups.get().pk


def test_a_policy_is_made_and_recorded(desk, reviewers):
    answer = desk.post(reverse("admin:approvals_policy_add"), fields(**{"requirements-0-group": reviewers}))
    assert answer.status_code == 302, answer.context["errors"]
    assert AuditEntry.objects.get(stream="system/policy").type == "policy.created"


def test_escalation_steps_are_part_of_the_policy_s_record(desk, reviewers):
    form = {**STEP, "on_timeout": "escalate", "steps-0-group": reviewers, "requirements-0-group": reviewers}
    answer = desk.post(reverse("admin:approvals_policy_add"), fields(**form))
    assert answer.status_code == 302, answer.context["errors"]
    told = json.loads(bytes(AuditEntry.objects.get(stream="system/policy").body))["facts"]["policy"]
    assert told["steps"] == [{"group": "reviewers", "needed": 1, "deadline_seconds": 3600}]


def change(desk, policy, reviewers, **changes):
    """The form of a stored policy, as a browser sends it."""
    form = {
        "requirements-0-group": reviewers,
        "requirements-0-id": policy.requirements.get().pk,
        "requirements-0-policy": policy.pk,
        "requirements-INITIAL_FORMS": 1,
    }
    answer = desk.post(reverse("admin:approvals_policy_change", args=[policy.pk]), fields(**form, **changes))
    policy.refresh_from_db()
    return answer


def test_a_change_makes_the_next_version(desk, reviewers):
    policy = make_policy("Mail", requirements={"reviewers": 1})
    page = desk.get(reverse("admin:approvals_policy_change", args=[policy.pk])).content.decode()
    assert re.search(r'type="hidden" name="seen" value="1"', page)
    change(desk, policy, reviewers, seen=1)
    assert (policy.version, policy.action) == (2, "send_email")


def test_a_form_that_somebody_overtook_takes_nothing_back(desk, reviewers):
    policy = make_policy("Mail", requirements={"reviewers": 1})
    change(desk, policy, reviewers, seen=1, deny_threshold=1, risk="high")
    answer = change(desk, policy, reviewers, seen=1)
    assert "Somebody has changed this policy" in answer.content.decode()
    assert (policy.version, policy.risk) == (2, "high")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"condition": "1 +"}, "not a CEL expression"),
        ({"condition": "argz.amount > 1"}, "unknown variable argz"),
        ({"gate": "auto", "risk": "high"}, "never runs without a person"),
        ({"deadline_seconds": ""}, "needs a deadline"),
        ({"requirements-TOTAL_FORMS": 0}, "at least one group"),
        ({"requirements-0-needed": 5}, "can never sign"),
        ({"gate": "soft"}, "A soft gate runs at its deadline"),
        ({"gate": "soft", "risk": "high", "on_timeout": "approve"}, "Only low or medium risk runs unless stopped"),
        ({"gate": "manual", "confirm": "YES"}, "A fixed word is soon typed without reading"),
        ({"gate": "manual", "confirm": "{0}"}, "Braces surround the path of an argument"),
        ({"confirm": "{to}"}, "Only the gate manual asks for a typed confirmation"),
        ({"on_timeout": "approve"}, "Only a soft gate or low risk may be approved"),
        ({"final_action": "approve"}, "Only a soft gate or low risk may be approved"),
        ({"on_timeout": "answer", "risk": "high"}, "An agent does not answer itself where the risk is high"),
        ({"on_timeout": "answer", "action": "*"}, "name the graph or the action"),
        ({"on_timeout": "escalate"}, "at least one step"),
        (STEP, "Escalation steps are used only where"),
        ({**STEP, "on_timeout": "escalate", "steps-0-needed": 3}, "can never sign"),
        ({**STEP, "on_timeout": "escalate", "final_action": "escalate"}, "Select a valid choice"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_with_the_reason(desk, reviewers, changes, words):
    form = {**fields(**{"requirements-0-group": reviewers, "steps-0-group": reviewers}), **changes}
    answer = desk.post(reverse("admin:approvals_policy_add"), form)
    assert words in answer.content.decode()
    assert not Policy.objects.exists()


@pytest.mark.parametrize("name", ["ticket", "auditentry"])
def test_tickets_and_the_record_are_read_only(desk, alice, name):
    ticket = decide(open_ticket(), alice)
    pk = ticket.pk if name == "ticket" else ticket.audit_entries.first().pk
    assert desk.get(reverse(f"admin:approvals_{name}_changelist")).status_code == 200
    assert desk.get(reverse(f"admin:approvals_{name}_change", args=[pk])).status_code == 200
    assert desk.post(reverse(f"admin:approvals_{name}_change", args=[pk]), {}).status_code == 403
    assert desk.post(reverse(f"admin:approvals_{name}_delete", args=[pk]), {}).status_code == 403
    assert desk.get(reverse(f"admin:approvals_{name}_add")).status_code == 403


def test_lists_filters_and_remembered_approvals_show_what_cannot_be_seen_in_a_name(desk, cast):
    odd = "pay\u202eroll"
    make_policy(requirements={"reviewers": 1}, remember_seconds=60, action="*", graph="*")
    ticket = decide(open_ticket(odd, graph=odd, requester=cast["dave"]), cast["alice"], remember=True)
    lists = [reverse(f"admin:approvals_{name}_changelist") for name in ("ticket", "grant")]
    for address in (*lists, ticket.get_absolute_url(), "/policies/"):
        page = re.sub("<[^>]*>", "", desk.get(address).content.decode())
        assert page.count("pay⟨U+202E⟩roll") >= (2 if address in lists else 1), address
        assert "\u202e" not in page
