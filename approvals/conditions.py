"""CEL conditions: compile, evaluate, fail closed. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import cel

#: What a condition may speak of; anything else is an error, and an error fails closed.
VARIABLES = ("action", "args", "graph", "requester", "confidence")


#: Names that a comprehension binds (`args.to.exists(address, …)`): the library lists them as variables.
_BOUND = re.compile(r"\.(?:all|exists|exists_one|existsOne|map|filter)\(\s*([A-Za-z_]\w*)\s*,")


class ConditionError(ValueError):
    """The condition could not be evaluated; the sentence says why."""


@lru_cache(maxsize=512)
def compiled(condition: str) -> cel.Program:
    """The compiled condition. Raises ConditionError where it is not CEL or names an unknown variable."""
    try:
        program = cel.compile(condition)
    except Exception as error:  # the library raises several types for one cause: this text is not CEL
        raise ConditionError(f"not a CEL expression: {_first_line(error)}") from error
    bound = set(_BOUND.findall(condition))
    unknown = sorted(set(program.variables()) - bound - set(VARIABLES))
    if unknown:
        raise ConditionError(f"unknown variable {', '.join(unknown)}; known are {', '.join(VARIABLES)}")
    return program


def holds(condition: str, facts: dict[str, Any]) -> bool:
    """Is the condition true for these facts? An empty one always is.

    Raises ConditionError where it cannot be evaluated or is not a yes or no: the caller fails closed.
    """
    if not condition.strip():
        return True
    program = compiled(condition)
    try:
        answer = program.execute(facts)
    except Exception as error:  # any failure inside an expression means the same thing here
        raise ConditionError(_first_line(error)) from error
    if not isinstance(answer, bool):
        raise ConditionError(f"the condition gave {answer!r}, not true or false")
    return answer


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
