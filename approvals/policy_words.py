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
    "may_extend_times": lambda n: f"the deadline may be moved {wording.counted(n, 'time')}",
    "bar_requester": lambda barred: "whoever asked may not sign" if barred else "whoever asked may sign",
    "deny_threshold": lambda n: f"{wording.counted(n, 'rejection')} {'ends' if n == 1 else 'end'} it",
    "remember_seconds": lambda s: (
        f"exactly the same may be let run again for {lasting(s)}" if s else "is asked every time"
    ),
    "recall_seconds": lambda s: (
        "an approval in the browser can be taken back, by risk for up to 20 s"
        if s is None
        else f"an approval can be taken back for {lasting(s)}"
        if s
        else "no taking back"
    ),
    "confirm": lambda text: f"whoever approves types {text}" if str(text).strip() else "no words of its own to type",
    "in_sequence": lambda on: "the groups sign one after the other" if on else "the groups sign in any order",
    "bar_editor": lambda barred: (
        "whoever changed it last may not sign at high and critical risk"
        if barred is None
        else "whoever changed it last may not sign"
        if barred
        else "whoever changed it last may sign"
    ),
    "blind": lambda on: "reviewers decide without seeing the others" if on else "reviewers see what others decided",
    "ask_reason": lambda on: (
        "whoever approves writes why at high and critical risk"
        if on is None
        else "whoever approves writes why"
        if on
        else "nobody has to write why"
    ),
    "ask_sign_in": lambda on: (
        "whoever approves confirms who they are at critical risk and under the manual gate"
        if on is None
        else "whoever approves confirms who they are"
        if on
        else "nobody has to confirm again who they are"
    ),
    "max_requests": lambda n: f"may be asked {wording.counted(n, 'time')}" if n else "may be asked without end",
}


def said(key: str, value: Any) -> str:
    """What one key says."""
    return SENTENCES[key](value) if key in SENTENCES else f"{wording.words_of(key).lower()}: {wording.as_json(value)}"


#: What the first sentences of a policy say already.
_SAID = {"name", "position", "enabled", "graph", "action", "condition", "risk", "gate", "requirements"}
_TIMED = {"deadline_seconds", "on_timeout", "steps", "final_action"}


def told(body: Mapping[str, Any], *, blank: Mapping[str, Any]) -> list[str]:
    """A policy as sentences for its reader; what is as in a `blank` one goes without saying."""
    special = [key for key in body if key not in _SAID | _TIMED and body[key] != blank.get(key)]
    if "may_extend_seconds" not in special and "may_extend_times" in special:
        special.remove("may_extend_times")  # nothing may be moved, so how often says nothing
    sentences = [f"for {scope(body)}", _gate(body)]
    if body["gate"] != Gate.AUTO:
        sentences += [*_time(body), *(said(key, body[key]) for key in special)]
    return [f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences]


def _gate(body: Mapping[str, Any]) -> str:
    signs = signers(body["requirements"])
    match body["gate"]:
        case Gate.AUTO:
            return "runs at once, and is recorded"
        case Gate.SOFT:
            return f"runs at the deadline unless somebody stops it; {signs} may sign earlier"
        case Gate.MANUAL:
            return f"waits until {signs} have signed, each with a typed confirmation"
    alone = sum(body["requirements"].values()) == 1
    return f"waits until {signs} {'has' if alone else 'have'} signed"


def _time(body: Mapping[str, Any]) -> Iterator[str]:
    if not body["deadline_seconds"]:
        return
    after = f"after {lasting(body['deadline_seconds'])}"
    if body["on_timeout"] == OnTimeout.ESCALATE:
        yield f"{after} it is {chain(body.get('steps', ()))}, and in the end {THEN[OnTimeout(body['final_action'])]}"
    else:
        yield f"{after} it is {THEN[OnTimeout(body['on_timeout'])]}"


def difference(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, blank: Mapping[str, Any]
) -> Iterator[str]:
    """The `-` and `+` lines from one body to another; None is a policy that is not there."""
    name = (after or before or {})["name"]
    if before is None or after is None:
        sign, body = ("+", after) if after else ("-", before)
        yield from (f"{sign} {name}: {sentence}" for sentence in _whole(body or {}, blank))
        return
    for key in after:
        if before.get(key) != after[key]:
            if key in before:
                yield f"- {name}: {said(key, before[key])}"
            yield f"+ {name}: {said(key, after[key])}"


def _whole(body: Mapping[str, Any], blank: Mapping[str, Any]) -> Iterator[str]:
    """All of a policy that is new or goes, without what every policy says."""
    yield from (said(key, body[key]) for key in ("position", "risk"))
    yield from (said(key, body[key]) for key in ("enabled", "condition") if body[key] != blank[key])
    yield from told(body, blank=blank)
