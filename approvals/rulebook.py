"""The only writer of policies. The admin, the policy file and the demo all come through here.

Each change is checked, written, kept as a version and recorded in the audit, in one transaction. Writers
take turns on one advisory lock: there are few of them, and a file replaces all policies at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.models import Max, QuerySet

from approvals import audit, drafts
from approvals.drafts import Draft
from approvals.errors import InvalidPolicy
from approvals.models import EscalationStep, Policy, PolicyVersion, Requirement
from approvals.states import PolicyChange

STREAM = "system/policy"


def take_turns() -> None:
    """One writer of policies at a time, until the transaction ends; again in the same one it does nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('policies', 3))")


def save(draft: Draft, *, actor: User | None, source: str, policy: Policy | None = None) -> Policy:
    """Put a draft in force, as a new policy or in the place of one; without a difference nothing is written.

    Raises InvalidPolicy with the first problem, and then changes nothing.
    """
    for problem in drafts.problems(draft):
        raise InvalidPolicy(f"Policy “{draft.name}”, {problem.key}: {problem.sentence}", key=problem.key)
    with transaction.atomic():
        take_turns()
        before = _present(policy) if policy else None
        if policy and before and before.body == draft.body:
            return policy
        saved = policy or Policy()
        change = PolicyChange.CHANGED if policy else PolicyChange.CREATED
        if before and before.name != draft.name:
            _keep(before, version=saved.version + 1, change=PolicyChange.DELETED, actor=actor, source=source)
        saved.version = _next_version(draft.name, saved.version if policy else 0)
        _write(saved, draft)
        _keep(draft, version=saved.version, change=change, actor=actor, source=source, before=before)
        return saved


def delete(policy: Policy, *, actor: User | None, source: str) -> None:
    """Take a policy out of force. Tickets keep the terms that they were opened under."""
    with transaction.atomic():
        take_turns()
        before = _present(policy)
        version = _next_version(policy.name, policy.version)
        policy.delete()
        _keep(before, version=version, change=PolicyChange.DELETED, actor=actor, source=source)


def replace(wanted: Sequence[Draft], *, groups: Sequence[str], actor: User | None, source: str) -> None:
    """Make these drafts, in this order, all the policies there are; groups that are missing are made.

    Raises InvalidPolicy with the first problem of any of them, and then changes nothing.
    """
    with transaction.atomic():
        take_turns()
        Group.objects.bulk_create([Group(name=name) for name in groups], ignore_conflicts=True)
        known = {policy.name: policy for policy in Policy.objects.all()}
        for name in known.keys() - {draft.name for draft in wanted}:
            delete(known[name], actor=actor, source=source)
        for draft in placed(wanted):
            save(draft, actor=actor, source=source, policy=known.get(draft.name))


def present() -> list[Draft]:
    """All policies as drafts, in the order in which they are tried. A fixed number of queries."""
    return [drafts.of(policy) for policy in rows()]


def placed(wanted: Sequence[Draft]) -> list[Draft]:
    """The drafts with positions that give this order, changing as few of those in use as possible."""
    known = dict(Policy.objects.values_list("name", "position"))
    kept = [name for name in (draft.name for draft in wanted) if name in known]
    in_order = kept == [name for name in known if name in kept]
    places = [known.get(draft.name) for draft in wanted]
    positions = _between(places) if in_order else None
    positions = positions or [10 * place for place, _ in enumerate(wanted, start=1)]
    return [
        dataclasses.replace(draft, values={**draft.values, "position": position})
        for draft, position in zip(wanted, positions, strict=True)
    ]


def _between(places: Sequence[int | None]) -> list[int] | None:
    """Numbers for the empty places, each after the last and before the next; None where there is no room."""
    if None not in places:
        return [place for place in places if place is not None]
    found: list[int] = []
    for at, place in enumerate(places):
        last = found[-1] if found else 0
        following = next(((n, later) for n, later in enumerate(places[at:]) if later is not None), None)
        if place is not None:
            found.append(place)
        elif following is None:
            found.append(last + 10)
        else:
            distance, later = following
            found.append(last + (later - last) // (distance + 1))
    return found if all(one < two for one, two in zip([0, *found], found, strict=False)) else None


def _present(policy: Policy) -> Draft:
    """The policy as it stands, which is kept as a version too where nobody has done so yet."""
    policy.refresh_from_db(fields=["version"])
    stored = drafts.of(rows().get(pk=policy.pk))
    PolicyVersion.objects.get_or_create(
        name=stored.name, version=policy.version, defaults={"change": PolicyChange.FOUND, "body": stored.body}
    )
    return stored


def _next_version(name: str, version: int) -> int:
    """A number that no version of this name has had, so that a name and a number say what was in force."""
    newest = PolicyVersion.objects.filter(name=name).aggregate(newest=Max("version"))["newest"] or 0
    return max(version, newest) + 1


def _write(policy: Policy, draft: Draft) -> None:
    for key, value in draft.values.items():
        setattr(policy, key, value)
    policy.save()
    groups = {group.name: group for group in Group.objects.filter(name__in=draft.groups)}
    policy.requirements.all().delete()
    Requirement.objects.bulk_create(
        Requirement(policy=policy, group=groups[name], needed=needed) for name, needed in draft.requirements.items()
    )
    policy.steps.all().delete()
    EscalationStep.objects.bulk_create(
        EscalationStep(
            policy=policy,
            position=position,
            group=groups[step.group],
            needed=step.needed,
            deadline_seconds=step.deadline_seconds,
        )
        for position, step in enumerate(draft.steps, start=1)
    )


def rows() -> QuerySet[Policy]:
    """The policies in the order in which they are tried, with all that a draft of them needs."""
    return Policy.objects.prefetch_related("requirements__group", "steps__group")


def _keep(
    draft: Draft, *, version: int, change: PolicyChange, actor: User | None, source: str, before: Draft | None = None
) -> None:
    PolicyVersion.objects.create(
        name=draft.name, version=version, change=change, body=draft.body, by=actor, source=source
    )
    facts: dict[str, Any] = {"policy": draft.body, "version": version, "source": source}
    if before:
        facts["before"] = before.body
    audit.append(f"policy.{change.value}", stream=STREAM, actor=actor, **facts)
