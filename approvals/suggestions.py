"""What a policy that may be too strict could ask for instead: one step softer, to be tried on past requests first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from approvals import drafts
from approvals.drafts import Draft
from approvals.models import Policy
from approvals.states import Gate, OnTimeout, Risk


def softer(policy: Policy) -> tuple[Draft, str] | None:
    """The policy one step softer that could be saved so, and what the step is; None where there is none.

    Never by a risk: how much of a risk an action is does not change because people are used to it.
    """
    draft = drafts.of(policy)
    return next((found for found in _steps(draft) if not drafts.problems(found[0])), None)


def _steps(draft: Draft) -> Iterator[tuple[Draft, str]]:
    gate, risk = draft.values["gate"], draft.values["risk"]
    if sum(draft.requirements.values()) > 1 and risk in {Risk.LOW, Risk.MEDIUM}:
        group = max(draft.requirements, key=lambda name: draft.requirements[name])
        fewer = {**draft.requirements, group: draft.requirements[group] - 1}
        asked = {name: needed for name, needed in fewer.items() if needed}
        yield replace(draft, requirements=asked), f"one signature of {group} fewer"
    if gate == Gate.MANUAL:
        yield _with(draft, gate=Gate.HARD, confirm=""), "no typed confirmation"
    if gate == Gate.HARD:
        opened = _with(draft, gate=Gate.SOFT, on_timeout=OnTimeout.APPROVE, final_action=OnTimeout.REJECT)
        yield replace(opened, steps=()), "a soft gate: it runs at its deadline unless somebody stops it"
    if gate == Gate.SOFT:
        free = _with(draft, gate=Gate.AUTO, on_timeout=OnTimeout.REJECT, remember_seconds=0)
        yield replace(free, requirements={}, steps=()), "an auto gate: it runs at once and is recorded"


def _with(draft: Draft, **values: Any) -> Draft:
    return replace(draft, values={**draft.values, **values})
