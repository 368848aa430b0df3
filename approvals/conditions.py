"""CEL conditions: compile, evaluate, fail closed. Pure.

A condition may ask for running totals. What it asks for is written out as literals, so that it is known
before anything is evaluated: whoever opens a ticket first takes the locks that make the sums right.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from approvals import condition_words, effort

# Its command line comes with it and brings three terminal libraries: a second in the start of every process of ours.
sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
import cel  # noqa: E402

#: What a condition may speak of; anything else is an error, and an error fails closed.
VARIABLES = ("action", "args", "graph", "requester", "confidence", "risk")
#: The two functions of ours.
TOTAL, COUNT = "total", "count"
MONTH = 31 * 24
USAGE = {
    TOTAL: 'total("args.amount", "args.to", 24): what, for whom or a list of that, hours',
    COUNT: 'count("args.to", 24): for whom or a list of that, hours',
}

#: Names that a comprehension binds (`args.to.exists(address, …)`): the library lists them as variables.
_BOUND = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")

_STRING = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_NAMES = rf"(?:{_STRING}|\[\s*{_STRING}(?:\s*,\s*{_STRING})*\s*\])"
#: What is skipped whole (strings and comments), then a call of ours.
_CALL = re.compile(
    rf"""(?:[rRbB]{{0,2}}(?:\"\"\".*?\"\"\"|'''.*?'''|{_STRING}))|//[^\n]*"""
    rf"""|(?P<name>\b(?:total|count)\b)\s*\(\s*(?:(?P<what>{_STRING})\s*,\s*)??(?P<by>{_NAMES})\s*,\s*(?P<hours>\d+)\s*\)"""
    r"""|(?P<other>\b(?:total|count)\b)(?:\s|//[^\n]*)*\(""",
    re.DOTALL,
)
_PATH = re.compile(r"args(?:\.[A-Za-z_][\w-]*)+")
_SUBJECTS = frozenset({"action", "graph", "requester"})


class ConditionError(ValueError):
    """The condition could not be evaluated; the sentence says why."""


@dataclass(frozen=True, kw_only=True)
class Total:
    """A running total that a condition asks for."""

    #: The path of what is summed; "" counts requests.
    what: str
    #: What must be the same: `action`, `graph`, `requester` or paths into the arguments.
    by: tuple[str, ...]
    hours: int


def _no_totals(total: Total) -> float:
    raise ConditionError("running totals are not known here")


@lru_cache(maxsize=512)
def compiled(condition: str) -> cel.Program:
    """The compiled condition. Raises ConditionError where it is not CEL or names an unknown variable."""
    if problem := effort.problem(condition):
        raise ConditionError(problem)
    try:
        program = cel.compile(condition)
    except Exception as error:  # the library raises several types for one cause: this text is not CEL
        raise ConditionError(condition_words.unreadable(error)) from error
    bound = set(_BOUND.findall(condition))
    unknown = sorted(set(program.variables()) - bound - set(VARIABLES))
    if unknown:
        raise ConditionError(f"unknown variable {', '.join(unknown)}; known are {', '.join(VARIABLES)}")
    totals_of(condition)
    return program


@lru_cache(maxsize=512)
def totals_of(condition: str) -> frozenset[Total]:
    """The running totals that a condition asks for. Raises ConditionError where they are not plain literals."""
    return frozenset(_totals_in(condition))


def holds(condition: str, facts: dict[str, Any], *, total: Callable[[Total], float] = _no_totals) -> bool:
    """Is the condition true for these facts? An empty one always is.

    Raises ConditionError where it cannot be evaluated or is not a yes or no: the caller fails closed.
    What `total` raises is raised here, whatever the rest of the condition says.
    """
    if not condition.strip():
        return True
    program = compiled(condition)
    if effort.is_too_much(condition, facts):
        raise ConditionError("the arguments hold too many values for the lists it goes through")
    asked = _Asked(total)
    try:
        answer = program.execute(cel.Context(facts, {TOTAL: asked.total, COUNT: asked.count}))
    except Exception as error:  # any failure inside an expression means the same thing here
        raise (asked.failure or ConditionError(condition_words.failed(error))) from error
    if asked.failure:
        raise asked.failure
    if not isinstance(answer, bool):
        raise ConditionError("the condition gave something else than true or false")  # which may be a secret
    return answer


class _Asked:
    """The functions of one evaluation. CEL would swallow what they raise, so the first failure is kept."""

    def __init__(self, total: Callable[[Total], float]) -> None:
        self.read = total
        self.failure: Exception | None = None

    def total(self, what: str, by: str | list[str], hours: int) -> float:
        return float(self._ask(what, by, hours))

    def count(self, by: str | list[str], hours: int) -> int:
        return int(self._ask("", by, hours))

    def _ask(self, what: str, by: str | list[str], hours: int) -> float:
        names = (by,) if isinstance(by, str) else tuple(by)
        try:
            return self.read(Total(what=what, by=tuple(sorted(set(names))), hours=hours))
        except Exception as failure:
            self.failure = self.failure or failure
            return 0.0


def _totals_in(condition: str) -> Iterator[Total]:
    for call in _CALL.finditer(condition):
        name = call["name"] or call["other"]
        if name is None:
            continue
        if call["other"] or bool(call["what"]) != (name == TOTAL):
            raise ConditionError(f"write {USAGE[name]}, as plain texts and numbers")
        what, by = (call["what"] or "")[1:-1], tuple(sorted({text[1:-1] for text in re.findall(_STRING, call["by"])}))
        hours = int(call["hours"])
        if what and not _PATH.fullmatch(what):
            raise ConditionError(f"{name} sums what is at a path like args.amount, not at {what!r}")
        for subject in by:
            if subject not in _SUBJECTS and not _PATH.fullmatch(subject):
                raise ConditionError(f"{name} knows action, graph, requester and paths like args.to, not {subject!r}")
        if not 1 <= hours <= MONTH:
            raise ConditionError(f"{name} looks back 1 to {MONTH} hours, not {hours}")
        yield Total(what=what, by=by, hours=hours)
