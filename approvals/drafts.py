"""A policy as somebody wants it, and everything that keeps it from being in force.

The admin, the policy file and the demo make drafts; the rulebook writes none that has a problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError

from approvals import conditions, confirmations, matching, timeouts, wording
from approvals.models import Policy
from approvals.states import MEMORABLE_GATES, MEMORABLE_RISKS, Gate, OnTimeout, Risk
from approvals.timeouts import Plan, Step

#: What a policy says beside who signs; a column added to the table is a key of the file too.
KEYS = tuple(column.name for column in Policy._meta.concrete_fields if column.name not in {"id", "version"})
#: Of all groups together. Places are filled one by one, each for the sake of the next; more agree by other means.
MOST_SIGNERS = 100
LONGEST_STEP = 10 * 365 * 86_400
#: A ticket says by name and version what it stands under, so no policy may pass for one that is no row.
BUILT_IN = frozenset(terms.name.casefold() for terms in (matching.UNKNOWN_ACTION, matching.STRICTEST))
#: The gates at which an action waits, so that somebody has to be named and there has to be a deadline.
WAITING_GATES = {Gate.SOFT, Gate.HARD, Gate.MANUAL}


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


def of(policy: Policy) -> Draft:
    """A policy row as a draft."""
    signs = {requirement.group.name: requirement.needed for requirement in policy.requirements.all()}
    steps = tuple(
        Step(group=step.group.name, needed=step.needed, deadline_seconds=step.deadline_seconds)
        for step in policy.steps.all()
    )
    return Draft(values={key: getattr(policy, key) for key in KEYS}, requirements=signs, steps=steps)


def new(values: Mapping[str, Any], requirements: Mapping[str, int] | None = None, steps: Sequence[Step] = ()) -> Draft:
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


def _column_problems(draft: Draft) -> Iterator[Problem]:
    if any(wording.is_unseen(char) for char in draft.name):
        yield Problem(key="name", sentence="A name has only characters that can be seen.")
    if draft.name.casefold() in BUILT_IN:
        yield Problem(key="name", sentence="The built-in policy is called so: choose another name.")
    for key in ("graph", "action", "condition", "confirm"):
        if "\x00" in str(draft.values[key]):
            yield Problem(key=key, sentence="No NUL character can stand here.")
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
    for sentence in (*_miscounts(draft.requirements), *_unknown(draft.requirements)):
        yield Problem(key="requirements", sentence=sentence)


def _miscounts(requirements: Mapping[str, Any]) -> Iterator[str]:
    for group, needed in requirements.items():
        if isinstance(needed, bool) or not isinstance(needed, int) or not 1 <= needed <= MOST_SIGNERS:
            yield f"How many of {wording.visible(group)} sign is a number from 1 to {MOST_SIGNERS}."
            return
    if sum(requirements.values()) > MOST_SIGNERS:
        yield f"At most {MOST_SIGNERS} people sign, of all groups together."


def _unknown(groups: Iterable[str]) -> Iterator[str]:
    """No name with a NUL is in the database, and none may be asked for."""
    groups = list(groups)
    named = Group.objects.filter(name__in=[group for group in groups if "\x00" not in group])
    known = set(named.values_list("name", flat=True))
    return (f"There is no group “{wording.visible(group)}”." for group in groups if group not in known)


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
        if not (1 <= step.needed <= MOST_SIGNERS and 1 <= step.deadline_seconds <= LONGEST_STEP):
            sentence = f"Step {number} needs 1 to {MOST_SIGNERS} people to sign and a time from 1 second to ten years."
            yield Problem(key="steps", sentence=sentence)
    for sentence in _unknown(step.group for step in draft.steps):
        yield Problem(key="steps", sentence=sentence)


def _time_problems(draft: Draft) -> Iterator[Problem]:
    wanted = {key: draft.values[key] for key in ("risk", "gate", "graph", "action")}
    for key, sentence in timeouts.problems(draft.plan, **wanted):
        yield Problem(key=key, sentence=sentence)
    if draft.values["gate"] in WAITING_GATES and not draft.values["deadline_seconds"]:
        yield Problem(key="deadline_seconds", sentence="A ticket that waits for people needs a deadline.")
