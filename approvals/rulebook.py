"""The only writer of policies. The admin, the policy file and the demo all come through here.

Each change is checked, written, kept as a version and recorded in the audit, in one transaction. Writers
take turns on one advisory lock: there are few of them, and a file replaces all policies at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from dataclasses import replace as changed
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max, QuerySet

from approvals import audit, conditions, confirmations, timeouts, wording
from approvals.errors import InvalidPolicy
from approvals.models import EscalationStep, Policy, PolicyVersion, Requirement
from approvals.states import MEMORABLE_GATES, MEMORABLE_RISKS, Gate, OnTimeout, PolicyChange, Risk
from approvals.timeouts import Plan, Step

#: What a policy says beside who signs; a column added to the table is a key of the file too.
KEYS = tuple(column.name for column in Policy._meta.concrete_fields if column.name not in {"id", "version"})
#: The gates at which an action waits, so that somebody has to be named and there has to be a deadline.
WAITING_GATES = {Gate.SOFT, Gate.HARD, Gate.MANUAL}
STREAM = "system/policy"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A policy as somebody wants it: the columns, how many of which group sign, and who is next at a deadline."""

    values: Mapping[str, Any]
    requirements: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        """What the policy is called."""
        return str(self.values["name"])

    @property
    def body(self) -> dict[str, Any]:
        """The draft as JSON: what is kept as a version and compared with the one before."""
        steps = [asdict(step) for step in self.steps]
        return {**{key: self.values[key] for key in KEYS}, "requirements": dict(self.requirements), "steps": steps}

    @property
    def plan(self) -> Plan:
        """What it says about deadlines."""
        end = self.values["final_action"]
        return Plan(on_timeout=self.values["on_timeout"], steps=self.steps, final_action=end)

    @property
    def groups(self) -> list[str]:
        """Every group it names."""
        return list(dict.fromkeys([*self.requirements, *(step.group for step in self.steps)]))


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a draft cannot be in force: the key it is about, and one sentence."""

    key: str
    sentence: str


def draft_of(policy: Policy) -> Draft:
    """A policy row as a draft."""
    signs = {requirement.group.name: requirement.needed for requirement in policy.requirements.all()}
    steps = tuple(
        Step(group=step.group.name, needed=step.needed, deadline_seconds=step.deadline_seconds)
        for step in policy.steps.all()
    )
    return Draft(values={key: getattr(policy, key) for key in KEYS}, requirements=signs, steps=steps)


def draft(
    values: Mapping[str, Any], requirements: Mapping[str, int] | None = None, steps: Sequence[Step] = ()
) -> Draft:
    """A draft of these values; the rest as a new policy has it."""
    blank = Policy()
    return Draft(
        values={key: values.get(key, getattr(blank, key)) for key in KEYS},
        requirements=dict(requirements or {}),
        steps=tuple(steps),
    )


def problems(draft: Draft) -> list[Problem]:
    """Everything that keeps a draft from being in force, column by column and then together."""
    checks = (
        _column_problems,
        _condition_problems,
        _gate_problems,
        _confirm_problems,
        _signer_problems,
        _step_problems,
        _time_problems,
        _memory_problems,
    )
    return [problem for check in checks for problem in check(draft)]


def shortfalls(draft: Draft) -> list[Problem]:
    """Requirements that nobody can meet by the membership of this moment. Right now, not for ever."""
    asked = [("requirements", name, needed) for name, needed in draft.requirements.items()]
    asked += [("steps", step.group, step.needed) for step in draft.steps]
    found = []
    for key, name, needed in asked:
        members = User.objects.filter(is_active=True, groups__name=name).count()
        if needed > members:
            sentence = f"{needed} of {name} can never sign: the group has {members} active member(s)."
            found.append(Problem(key=key, sentence=sentence))
    return found


def save(draft: Draft, *, actor: User | None, source: str, policy: Policy | None = None) -> Policy:
    """Put a draft in force, as a new policy or in the place of one; without a difference nothing is written.

    Raises InvalidPolicy with the first problem, and then changes nothing.
    """
    for problem in problems(draft):
        raise InvalidPolicy(f"Policy “{draft.name}”, {problem.key}: {problem.sentence}", key=problem.key)
    with transaction.atomic():
        _take_turns()
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
        _take_turns()
        before = _present(policy)
        version = _next_version(policy.name, policy.version)
        policy.delete()
        _keep(before, version=version, change=PolicyChange.DELETED, actor=actor, source=source)


def replace(drafts: Sequence[Draft], *, groups: Sequence[str], actor: User | None, source: str) -> None:
    """Make these drafts, in this order, all the policies there are; groups that are missing are made.

    Raises InvalidPolicy with the first problem of any of them, and then changes nothing.
    """
    with transaction.atomic():
        _take_turns()
        Group.objects.bulk_create([Group(name=name) for name in groups], ignore_conflicts=True)
        known = {policy.name: policy for policy in Policy.objects.all()}
        wanted = {draft.name: draft for draft in placed(drafts)}
        for name in known.keys() - wanted.keys():
            delete(known[name], actor=actor, source=source)
        for name, draft in wanted.items():
            save(draft, actor=actor, source=source, policy=known.get(name))


def present() -> list[Draft]:
    """All policies as drafts, in the order in which they are tried. A fixed number of queries."""
    return [draft_of(policy) for policy in rows()]


def placed(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts with positions that give this order, changing as few of those in use as possible."""
    known = dict(Policy.objects.values_list("name", "position"))
    kept = [name for name in (draft.name for draft in drafts) if name in known]
    in_order = kept == [name for name in known if name in kept]
    places = [known.get(draft.name) for draft in drafts]
    positions = _between(places) if in_order else None
    positions = positions or [10 * place for place, _ in enumerate(drafts, start=1)]
    return [
        changed(draft, values={**draft.values, "position": position})
        for draft, position in zip(drafts, positions, strict=True)
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


def _column_problems(draft: Draft) -> Iterator[Problem]:
    if any(wording.is_unseen(char) for char in draft.name):
        yield Problem(key="name", sentence="A name has only characters that can be seen.")
    if "\x00" in str(draft.values["condition"]):
        yield Problem(key="condition", sentence="A condition has no NUL character.")
    try:
        Policy(**draft.values).clean_fields()
    except ValidationError as error:
        for key, sentences in error.message_dict.items():
            yield Problem(key=key, sentence=sentences[0])


def _condition_problems(draft: Draft) -> Iterator[Problem]:
    condition = str(draft.values["condition"]).strip()
    try:
        if condition:
            conditions.compiled(condition)
    except conditions.ConditionError as error:
        yield Problem(key="condition", sentence=f"This condition cannot be used: {error}.")


def _gate_problems(draft: Draft) -> Iterator[Problem]:
    gate, risk = draft.values["gate"], draft.values["risk"]
    if gate == Gate.AUTO and risk in {Risk.HIGH, Risk.CRITICAL}:
        yield Problem(key="gate", sentence="An action of high or critical risk never runs without a person.")
    if gate == Gate.SOFT and risk in {Risk.HIGH, Risk.CRITICAL}:
        yield Problem(key="gate", sentence="Only low or medium risk runs unless stopped; choose hard or manual.")
    if gate == Gate.SOFT and draft.plan.ends_in != OnTimeout.APPROVE:
        yield Problem(key="on_timeout", sentence="A soft gate runs at its deadline: choose approve, or the gate hard.")


def _confirm_problems(draft: Draft) -> Iterator[Problem]:
    template = str(draft.values["confirm"])
    if template.strip() and draft.values["gate"] != Gate.MANUAL:
        yield Problem(key="confirm", sentence="Only the gate manual asks for a typed confirmation.")
    elif sentence := confirmations.problem(template):
        yield Problem(key="confirm", sentence=sentence)


def _signer_problems(draft: Draft) -> Iterator[Problem]:
    gate = draft.values["gate"]
    if gate in WAITING_GATES and not draft.requirements:
        sentence = f"A ticket under a {gate} gate needs at least one group that signs."
        yield Problem(key="requirements", sentence=sentence)
    for group, needed in draft.requirements.items():
        if isinstance(needed, bool) or not isinstance(needed, int) or needed < 1:
            yield Problem(key="requirements", sentence=f"How many of {group} sign is a number from 1 up.")
    known = set(Group.objects.filter(name__in=draft.requirements).values_list("name", flat=True))
    for group in draft.requirements:
        if group not in known:
            yield Problem(key="requirements", sentence=f"There is no group “{group}”.")


def _memory_problems(draft: Draft) -> Iterator[Problem]:
    if not draft.values["remember_seconds"]:
        return
    if draft.values["risk"] not in MEMORABLE_RISKS:
        sentence = "An action of high or critical risk is looked at every time: nothing is remembered."
        yield Problem(key="remember_seconds", sentence=sentence)
    if draft.values["gate"] not in MEMORABLE_GATES:
        sentence = f"Nothing is remembered under the gate “{draft.values['gate']}”."
        yield Problem(key="remember_seconds", sentence=sentence)


def _step_problems(draft: Draft) -> Iterator[Problem]:
    for number, step in enumerate(draft.steps, start=1):
        if step.needed < 1 or step.deadline_seconds < 1:
            yield Problem(key="steps", sentence=f"Step {number} needs somebody to sign and a time from 1 second up.")
    known = set(Group.objects.filter(name__in=[step.group for step in draft.steps]).values_list("name", flat=True))
    for step in draft.steps:
        if step.group not in known:
            yield Problem(key="steps", sentence=f"There is no group “{step.group}”.")


def _time_problems(draft: Draft) -> Iterator[Problem]:
    wanted = {key: draft.values[key] for key in ("risk", "gate", "graph", "action")}
    for key, sentence in timeouts.problems(draft.plan, **wanted):
        yield Problem(key=key, sentence=sentence)
    if draft.values["gate"] in WAITING_GATES and not draft.values["deadline_seconds"]:
        yield Problem(key="deadline_seconds", sentence="A ticket that waits for people needs a deadline.")


def _present(policy: Policy) -> Draft:
    """The policy as it stands, which is kept as a version too where nobody has done so yet."""
    policy.refresh_from_db(fields=["version"])
    stored = draft_of(rows().get(pk=policy.pk))
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


def _take_turns() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('policies', 3))")
