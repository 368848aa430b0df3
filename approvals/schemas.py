"""JSON Schemas of other people, checked against within bounds: size, depth, patterns and time. Pure.

A schema comes with the action, so it is as hostile as the action. Patterns go to an engine that cannot be
made to hang, and each keyword that is looked at looks at the clock: a few references to a few alternatives
can double the work at each level.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema
import referencing
from jsonschema.validators import extend, validator_for

from approvals import digests, patterns

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
#: Who repairs a value needs no more of them at once.
MAX_ERRORS = 50
#: Of this thread's own time, so that a busy machine changes no answer.
SECONDS = 0.5
#: Why a schema was put aside when its ticket was opened; nothing fits it.
UNUSABLE = "x-countersign-unusable"
UNUSED = "what the agent says of the form that {what} must have cannot be used: {why}"
ARGS, ANSWER = "the arguments", "an answer"
#: Names would be looked for with the library's own patterns; no schema of a tool needs both.
_HIDDEN_PATTERNS = ("unevaluatedProperties", "patternProperties")

_until: ContextVar[float] = ContextVar("until")


class Unusable(ValueError):
    """The schema cannot be used; the sentence says why."""


def errors(value: Any, schema: Mapping[str, Any], *, seconds: float = SECONDS) -> list[jsonschema.ValidationError]:
    """What is wrong with the value. Raises Unusable where that cannot be told, or not in time."""
    if problem := problem_of(schema):
        raise Unusable(problem)
    token = _until.set(time.thread_time() + seconds)
    try:
        return list(islice(_validator(schema).iter_errors(value), MAX_ERRORS))
    except Unusable:
        raise
    except Exception as error:  # a broken schema must refuse the value, not crash the page
        # Other people's words may quote the value.
        raise Unusable(
            str(error) if isinstance(error, patterns.BadPattern) else "one of its rules is broken"
        ) from error
    finally:
        _until.reset(token)


def kept(schema: Any) -> Any:
    """The schema as its ticket keeps it: itself, or in its place why it cannot be used."""
    if not schema or not (problem := problem_of(schema)):
        return schema
    return {UNUSABLE: problem}


def put_aside(schema: Any, *, what: str = ARGS) -> str:
    """Why this schema was put aside when its ticket was opened; empty where it was kept."""
    said = schema.get(UNUSABLE) if isinstance(schema, dict) else None
    return f"{UNUSED.format(what=what, why=patterns.unnamed(said))}." if isinstance(said, str) else ""


def problem_of(schema: Any) -> str:
    """Why this schema cannot be used, as a sentence; empty where nothing speaks against it."""
    if not isinstance(schema, dict):
        return "it is no JSON object"
    if isinstance(said := schema.get(UNUSABLE), str):
        return said
    try:
        if len(json.dumps(schema)) > MAX_BYTES:
            return "it is larger than 64 KiB"
        _look_through(schema)
    except (Unusable, patterns.BadPattern) as error:
        return str(error)
    except (TypeError, ValueError, RecursionError):
        return "it is no plain JSON"
    return ""


def _look_through(schema: dict[str, Any]) -> None:
    """Raises Unusable or BadPattern for what is in there somewhere."""
    keys: set[str] = set()
    level: list[Any] = [schema]
    for _ in range(MAX_DEPTH):
        for part in filter(lambda part: isinstance(part, dict), level):
            keys.update(part)
            _check_part(part, is_root=part is schema)
        level = [child for part in level for child in _children(part)]
        if not level:
            break
    else:
        raise Unusable(f"it is more than {MAX_DEPTH} levels deep")
    if keys.issuperset(_HIDDEN_PATTERNS):
        raise Unusable("it says which other fields there may be in two ways that cannot be checked together")


def _check_part(part: dict[str, Any], *, is_root: bool) -> None:
    if isinstance(pattern := part.get("pattern"), str):
        patterns.check(pattern)
    if isinstance(found := part.get("patternProperties"), dict):
        for name in found:
            patterns.check(name)
    # The library would go on with a validator of its own, which knows none of our bounds.
    if not is_root and isinstance(part.get("$schema"), str):
        raise Unusable("a part of it is written for another version of JSON Schema")


def _children(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        yield from part.values()
    elif isinstance(part, list | tuple):
        yield from part


def _validator(schema: Mapping[str, Any]) -> Any:
    made = _bounded(validator_for(schema, default=jsonschema.Draft202012Validator))
    # A reference to the root must not meet `$schema` again. And a registry of its own: by default the library
    # would fetch whatever address a `$ref` names.
    plain = {key: value for key, value in schema.items() if key != "$schema"}
    return made(plain, format_checker=_FORMATS, registry=referencing.Registry())


@lru_cache
def _bounded(cls: Any) -> Any:
    """The library's validator, with our patterns and an eye on the clock."""
    keywords = {**cls.VALIDATORS, **{name: check for name, check in _OURS.items() if name in cls.VALIDATORS}}
    return extend(cls, {name: _timed(check) for name, check in keywords.items()})  # type: ignore[no-untyped-call]


def _timed(check: Any) -> Any:
    def checked(validator: Any, said: Any, value: Any, schema: Any) -> Any:
        if time.thread_time() > _until.get():
            raise Unusable("checking against it takes too long")
        return check(validator, said, value, schema)

    return checked


def _pattern(validator: Any, pattern: Any, value: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(value, str) and not patterns.is_found(pattern, value):
        yield jsonschema.ValidationError("not of this form")


def _pattern_properties(validator: Any, found: Any, value: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    for pattern, inner in found.items() if isinstance(value, dict) else ():
        for key in value:
            if patterns.is_found(pattern, key):
                yield from validator.descend(value[key], inner, path=key, schema_path=pattern)


def _additional(validator: Any, said: Any, value: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if not isinstance(value, dict):
        return
    known, named = schema.get("properties", {}), schema.get("patternProperties", {})
    extras = [key for key in value if key not in known and not any(patterns.is_found(p, key) for p in named)]
    if isinstance(said, dict):
        for key in extras:
            yield from validator.descend(value[key], said, path=key)
    elif not said and extras:
        yield jsonschema.ValidationError("more fields than it may have")


def _unique(validator: Any, said: Any, value: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    """The library compares each item with each other."""
    if said and isinstance(value, list) and len({digests.canonical(item) for item in value}) < len(value):
        yield jsonschema.ValidationError("an item twice")


_OURS = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "uniqueItems": _unique,
}
#: A text that is itself a pattern would be handed to the slow engine.
_FORMATS = jsonschema.FormatChecker(name for name in jsonschema.FormatChecker.checkers if name != "regex")
