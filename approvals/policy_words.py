"""What a policy says, in words for people: one sentence for each key. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from approvals import wording
from approvals.states import Gate, OnTimeout, Risk

UNITS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

THEN = {
    OnTimeout.REJECT: "closed without running",
    OnTimeout.ESCALATE: "passed on to the next group",
    OnTimeout.APPROVE: "approved",
    OnTimeout.ANSWER: "answered with the agent’s best guess",
}


def lasting(seconds: int) -> str:
    """A length of time exactly: "24 h", "1 h 1 s"; two different lengths never read the same."""
    if seconds < 2 * UNITS[0][1] or seconds % UNITS[0][1]:
        units = UNITS[1:]
    else:
        return f"{seconds // UNITS[0][1]} days"
    parts = []
    for unit, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def scope(body: Mapping[str, Any]) -> str:
    """Which actions of which graphs."""
    action = "every action" if body["action"] == "*" else f"the action {body['action']}"
    graph = "any graph" if body["graph"] == "*" else body["graph"]
    return f"{action} of {graph}"


def signers(requirements: Mapping[str, int]) -> str:
    """`1 of finance and 2 of reviewers`, or nobody."""
    parts = [f"{needed} of {group}" for group, needed in requirements.items()]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "nobody"


def chain(steps: Sequence[Mapping[str, Any]]) -> str:
    """`passed on to 1 of security for 2 h, then to 2 of finance for 1 h`, or nobody."""
    told = [f"{step['needed']} of {step['group']} for {lasting(step['deadline_seconds'])}" for step in steps]
    return f"passed on to {', then to '.join(told)}" if told else "passed on to nobody"


#: One sentence for each key; a key that is not here is said plainly.
SENTENCES: dict[str, Callable[[Any], str]] = {
    "position": lambda at: f"tried at place {at}",
    "enabled": lambda on: "in force" if on else "switched off",
    "graph": lambda graph: "for any graph" if graph == "*" else f"for the graph {graph}",
    "action": lambda action: "for every action" if action == "*" else f"for the action {action}",
    "condition": lambda cel: f"only when {cel}" if str(cel).strip() else "whatever the arguments",
    "risk": lambda risk: Risk(risk).label.lower(),
    "gate": lambda gate: Gate(gate).label.lower(),
    "requirements": lambda signs: f"signed by {signers(signs)}",
    "deadline_seconds": lambda s: f"waits at most {lasting(s)}" if s else "has no deadline",
    "on_timeout": lambda then: f"at the deadline {THEN[OnTimeout(then)]}",
    "steps": chain,
    "final_action": lambda then: f"after the last step {THEN[OnTimeout(then)]}",
    "may_extend_seconds": lambda s: f"a reviewer may add {lasting(s)}" if s else "the deadline cannot be moved",
    "may_extend_times": lambda n: f"at most {wording.counted(n, 'time')}",
    "bar_requester": lambda barred: "whoever asked may not sign" if barred else "whoever asked may sign",
    "deny_threshold": lambda n: f"{wording.counted(n, 'rejection')} {'ends' if n == 1 else 'end'} it",
    "recall_seconds": lambda s: f"an approval can be taken back for {lasting(s)}" if s else "no taking back",
    "remember_seconds": lambda s: f"may be remembered for {lasting(s)}" if s else "is asked every time",
    "max_requests": lambda n: f"may be asked {wording.counted(n, 'time')}" if n else "may be asked without end",
}


def said(key: str, value: Any) -> str:
    """What one key says."""
    return SENTENCES[key](value) if key in SENTENCES else f"{wording.words_of(key).lower()}: {wording.as_json(value)}"


def lines(body: Mapping[str, Any]) -> list[str]:
    """All that a policy says beside its name."""
    return [said(key, value) for key, value in body.items() if key != "name"]


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[str]:
    """The `-` and `+` lines from one body to another; None is a policy that is not there."""
    name = (after or before or {})["name"]
    if before is None or after is None:
        sign, body = ("+", after) if after else ("-", before)
        yield from (f"{sign} {name}: {line}" for line in lines(body or {}))
        return
    for key in after:
        if before.get(key) != after[key]:
            if key in before:
                yield f"- {name}: {said(key, before[key])}"
            yield f"+ {name}: {said(key, after[key])}"
