"""Every change of a policy is checked, kept as a version and recorded, whoever makes it."""

from __future__ import annotations

import pytest
from django.db import InternalError, ProgrammingError, transaction

from approvals import audit, drafts, rulebook
from approvals.errors import InvalidPolicy
from approvals.models import AuditEntry, Policy, PolicyVersion
from approvals.timeouts import Step
from tests.factories import make_policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]


def draft(name="Mail", *, requirements=None, steps=(), **values):
    wanted = {"name": name, "action": "send_email", **values}
    return drafts.new(wanted, {"reviewers": 1} if requirements is None else requirements, steps)


def save(**changes):
    return rulebook.save(draft(**changes), actor=None, source="file")


def test_a_new_policy_is_written_kept_and_recorded(admin):
    policy = rulebook.save(draft(), actor=admin, source="admin")
    assert (policy.version, drafts.of(policy)) == (1, draft())
    version = PolicyVersion.objects.get()
    assert (version.change, version.by, version.body["requirements"]) == ("created", admin, {"reviewers": 1})
    assert AuditEntry.objects.get(stream=rulebook.STREAM).actor == admin
    assert audit.verify_stream(rulebook.STREAM) is None


def test_a_change_says_what_was_before():
    policy = save()
    rulebook.save(draft(risk="high"), actor=None, source="file", policy=policy)
    facts = AuditEntry.objects.filter(type="policy.changed").get().body
    assert b'"before":' in bytes(facts) and Policy.objects.get().version == 2


def test_no_difference_writes_nothing():
    policy = save()
    rulebook.save(draft(), actor=None, source="file", policy=policy)
    assert PolicyVersion.objects.count() == AuditEntry.objects.count() == 1


def test_a_policy_from_before_versions_keeps_what_it_said_when_it_changes():
    policy = make_policy("Mail", action="send_email", risk="low", requirements={"reviewers": 1})
    rulebook.save(draft(), actor=None, source="file", policy=policy)
    found, changed = PolicyVersion.objects.order_by("version")
    assert (found.change, found.body["risk"], changed.body["risk"]) == ("found", "low", "medium")


def test_a_name_and_a_number_are_never_used_twice():
    rulebook.delete(save(), actor=None, source="file")
    assert save().version == 3


def test_a_renamed_policy_ends_its_old_name():
    rulebook.save(draft("Letters"), actor=None, source="file", policy=save())
    ended = PolicyVersion.objects.get(change="deleted")
    assert (ended.name, ended.version, Policy.objects.get().name) == ("Mail", 2, "Letters")


@pytest.mark.parametrize(
    "sql", ["UPDATE approvals_policyversion SET body = '{}'", "DELETE FROM approvals_policyversion"]
)
def test_the_database_refuses_to_change_a_version(sql):
    save()
    from django.db import connection

    with pytest.raises((ProgrammingError, InternalError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"risk": "huge"}, "risk", "is not a valid choice"),
        ({"name": ""}, "name", "blank"),
        ({"name": "Ma\u202eil"}, "name", "can be seen"),
        ({"name": "M" * 81}, "name", "at most 80"),
        ({"condition": "args.amount >"}, "condition", "not a CEL expression"),
        ({"condition": "amount > 1.0"}, "condition", "unknown variable amount"),
        ({"condition": "1 == 1 \x00"}, "condition", "NUL"),
        ({"graph": "ops\x00"}, "graph", "NUL"),
        ({"action": "\x00"}, "action", "NUL"),
        ({"gate": "manual", "confirm": "{to}\x00"}, "confirm", "NUL"),
        ({"name": "Unknown action"}, "name", "built-in"),
        ({"name": "failed closed"}, "name", "built-in"),
        ({"gate": "auto", "risk": "high"}, "gate", "without a person"),
        ({"requirements": {}}, "requirements", "at least one group"),
        ({"requirements": {"reviewers": 0}}, "requirements", "from 1 to 100"),
        ({"requirements": {"reviewers": True}}, "requirements", "from 1 to 100"),
        ({"requirements": {"reviewers": 2**31 - 1}}, "requirements", "from 1 to 100"),
        ({"requirements": {"reviewers": 60, "finance": 60}}, "requirements", "At most 100 people"),
        ({"requirements": {"re\x00viewers": 1}}, "requirements", "no group “re⟨U\\+0000⟩viewers”"),
        ({"steps": [Step(group="finance", needed=2**40, deadline_seconds=60)]}, "steps", "1 to 100 people"),
        ({"steps": [Step(group="finance", needed=1, deadline_seconds=2**40)]}, "steps", "ten years"),
        ({"steps": [Step(group="\x00", needed=1, deadline_seconds=60)]}, "steps", "no group"),
        ({"requirements": {"pirates": 1}}, "requirements", "no group “pirates”"),
        ({"deadline_seconds": None}, "deadline_seconds", "needs a deadline"),
        ({"deny_threshold": 0}, "deny_threshold", "greater than or equal to 1"),
        ({"recall_seconds": 2**40}, "recall_seconds", "less than or equal"),
    ],
)
def test_what_cannot_be_in_force_is_refused_by_key(changes, key, words):
    with pytest.raises(InvalidPolicy, match=words) as refusal:
        save(**changes)
    assert refusal.value.facts["key"] == key
    assert not Policy.objects.exists() and not PolicyVersion.objects.exists()
