"""A Python call as something people can sign: its arguments by name, their schema, a key that stands for it. Pure."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

_TYPES: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, kw_only=True)
class BoundCall:
    """One call of a function, not made yet."""

    function: Callable[..., Any]
    bound: inspect.BoundArguments
    args: dict[str, Any]

    def made(self, args: Mapping[str, Any]) -> Any:
        """Make it with these arguments: those that nobody changed as they came, the others as they were signed."""
        changed = {
            name: value for name, value in args.items() if name not in self.args or not _same(value, self.args[name])
        }
        taken = {name: value for name, value in _flat(self.bound).items() if name in args}
        return _called(self.function, taken | changed)


def bind(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BoundCall:
    """The call by name, defaults included. Raises TypeError where an argument is not JSON: nobody could read it.

    So it does where two arguments have one name, as `f(1, a=2)` of `def f(a, /, **more)`: one would hide the other.
    """
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    if twice := _twice(bound):
        raise TypeError(
            f"People sign arguments by their names, and two arguments of {function.__name__} are called {twice}"
        )
    try:
        told = json.loads(json.dumps(_flat(bound), allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"People sign what they can read, and an argument of {function.__name__} is no JSON: {error}"
        ) from error
    return BoundCall(function=function, bound=bound, args=told)


def schema_of(function: Callable[..., Any]) -> dict[str, Any]:
    """JSON Schema of a function's arguments, so that an edit cannot make a call that it does not take."""
    parameters = inspect.signature(function).parameters.values()
    hints = get_type_hints(function)
    named = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    return {
        "type": "object",
        "properties": {p.name: _property(p, hints.get(p.name)) for p in named},
        "required": [p.name for p in named if p.default is p.empty and p.kind is not p.VAR_POSITIONAL],
        "additionalProperties": len(named) < len(list(parameters)),
    }


def key_of(action: str, call: BoundCall, *, prefix: str = "") -> str:
    """The same for the same call: after a crash it finds the ticket that was opened before."""
    said = json.dumps([action, call.function.__qualname__, call.args], sort_keys=True, ensure_ascii=True)
    return f"{prefix}{'/' if prefix else ''}{hashlib.sha256(said.encode()).hexdigest()[:40]}"


def _property(parameter: inspect.Parameter, hint: Any) -> dict[str, Any]:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return {"type": "array"}
    return {"type": _TYPES[hint]} if hint in _TYPES else {}


def _flat(bound: inspect.BoundArguments) -> dict[str, Any]:
    """By name; what came as `**more` stands beside the others."""
    told: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        told |= value if kind is inspect.Parameter.VAR_KEYWORD else {name: value}
    return told


def _twice(bound: inspect.BoundArguments) -> str:
    """A name that a parameter has and one of `**more` too; empty where there is none."""
    more = [p.name for p in bound.signature.parameters.values() if p.kind is p.VAR_KEYWORD]
    own = bound.arguments.keys() - {*more}
    return next((name for name in bound.arguments.get("".join(more), {}) if name in own), "")


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON: to Python `True` is 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _called(function: Callable[..., Any], args: dict[str, Any]) -> Any:
    positional: list[Any] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            positional += args.pop(parameter.name, [])
        elif parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD} and parameter.name in args:
            positional.append(args.pop(parameter.name))
    return function(*positional, **args)
