"""Secrets on pages, in mail and in answers of the API: hidden behind a mark, and put back where an edit returns it.

A mark says how long the secret is and has a keyed digest: equal secrets have equal marks, so that whoever signs can
compare them, and nobody can find a short one by trying. What runs and what a decision binds is the value itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from approvals import redaction, wording
from approvals.errors import InvalidArguments

MARK = re.compile(r"\[secret: [0-9,]{1,12} characters?, mark [0-9a-f]{10}\]")
STRANGE = "the mark of a secret that is not in this version: type the value itself, or leave the mark as it was shown"


class Mask(str):
    """Stands for a whole value. An agent may write such words too, and they are none."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Secret:
    """One secret: where it stands (`/auth/password`), what is shown for it, what it is."""

    path: str
    mask: str
    plain: Any


def of(secret: Any) -> Mask:
    """What is shown for this secret."""
    plain = secret if isinstance(secret, str) else wording.as_json(secret)
    mark = salted_hmac("approvals.masks", plain.encode(errors="surrogatepass"), algorithm="sha256").hexdigest()[:10]
    return Mask(f"[secret: {wording.counted(len(plain), 'character')}, mark {mark}]")


def value(found: Any) -> Any:
    """The same JSON with a mark for each secret in it."""
    return redaction.redacted(found, also=settings.COUNTERSIGN_SECRET_FIELDS, hide=of)


#: What a schema tells of values, and what holds further schemas by the names of fields.
_TELLING = frozenset({"enum", "const", "default", "examples", "pattern"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})


def schema(found: Any) -> Any:
    """The same JSON Schema with a mark for each secret in it; of a field of secrets it tells no value."""
    return _schema(found, is_secret_field=False, by_name=False)


def text(words: str) -> str:
    """The same words with a mark for each secret in them."""
    return redaction.text(words, also=settings.COUNTERSIGN_SECRET_FIELDS, hide=of)


def is_secret(path: Iterable[Any]) -> bool:
    """Does what stands at this path stand in a field of secrets?"""
    names = (str(part) for part in path)
    return any(redaction.is_secret(name, also=settings.COUNTERSIGN_SECRET_FIELDS) for name in names)


def secrets(found: Any) -> list[Secret]:
    """Every secret in some JSON, where it stands, once for each place."""
    return list(_secrets(found, value(found), path=""))


def restored(typed: Any, *, of: Any) -> Any:
    """What was typed over masked values, with each mark as the secret it stands for in the value it was made `of`.

    Raises InvalidArguments for a mark that stands for nothing there: what runs would be the mark itself.
    """
    return _restored(typed, {secret.mask: secret.plain for secret in secrets(of)}, set(_marks_in(of)), path="")


def _schema(found: Any, *, is_secret_field: bool, by_name: bool) -> Any:
    if isinstance(found, list):
        return [_schema(inner, is_secret_field=is_secret_field, by_name=False) for inner in found]
    if not isinstance(found, dict):
        return text(found) if isinstance(found, str) else found
    made = {}
    for key, inner in found.items():
        if key in _TELLING and not by_name:
            made.update({} if is_secret_field else {key: value(inner)})
            continue
        hides = is_secret_field or (by_name and is_secret([key]))
        made[text(key)] = _schema(inner, is_secret_field=hides, by_name=key in _NAMED and not by_name)
    return made


def _secrets(plain: Any, masked: Any, *, path: str) -> Iterator[Secret]:
    if isinstance(masked, Mask):
        yield Secret(path=path, mask=masked, plain=plain)
    elif isinstance(plain, dict):
        for key, inner in plain.items():
            yield from _secrets(inner, masked[key], path=f"{path}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(plain, list | tuple):
        for n, inner in enumerate(plain):
            yield from _secrets(inner, masked[n], path=f"{path}/{n}")
    elif isinstance(plain, str) and masked != plain:
        hidden: list[str] = []

        def note(one: str) -> str:
            hidden.append(one)
            return of(one)

        redaction.text(plain, also=settings.COUNTERSIGN_SECRET_FIELDS, hide=note)
        yield from (Secret(path=path, mask=of(one), plain=one) for one in hidden)


def _restored(typed: Any, known: dict[str, Any], literal: set[str], *, path: str) -> Any:
    if isinstance(typed, dict):
        return {key: _restored(inner, known, literal, path=f"{path}/{key}") for key, inner in typed.items()}
    if isinstance(typed, list):
        return [_restored(inner, known, literal, path=f"{path}/{n}") for n, inner in enumerate(typed)]
    if not isinstance(typed, str) or not MARK.search(typed):
        return typed
    if typed in known:
        return known[typed]  # a number comes back as one
    if any(mark not in known and mark not in literal for mark in MARK.findall(typed)):
        raise InvalidArguments([{"path": path, "message": STRANGE}])
    return MARK.sub(lambda mark: str(known.get(mark[0], mark[0])), typed)


def _marks_in(value: Any) -> Iterator[str]:
    """Those that somebody wrote as plain words."""
    if isinstance(value, str):
        yield from MARK.findall(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _marks_in(inner)
