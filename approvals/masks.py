"""Secrets on pages, in mail and in answers of the API: hidden behind a mark, and put back where an edit returns it.

A mark says how long the secret is and has a keyed digest: equal secrets have equal marks, so that whoever signs can
compare them, and nobody can find a short one by trying. What runs and what a decision binds is the value itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from approvals import redaction, wording
from approvals.errors import InvalidArguments

MARK = re.compile(r"\[secret: [0-9,]{1,12} characters?, mark [0-9a-f]{10}\]")
STRANGE = "the mark of a secret that is not in this version: type the value itself, or leave the mark as it was shown"
TWICE = "the same key stands twice in one object; keep one of them"


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
    return list(_secrets(found, value(found), path=()))


def restored(typed: Any, *, of: Any, also: Any = None) -> Any:
    """What was typed over masked values, with each mark as the secret it stands for in the value it was made `of`.

    What stands where it stood is what it was; a mark that was moved is looked for anywhere, and in `also`.
    Raises InvalidArguments for a mark that stands for nothing there: what runs would be the mark itself.
    """
    known = {secret.mask: secret.plain for secret in secrets([of, also])}
    return _Back(known=known, literal=frozenset(_marks_in([of, also]))).of(typed, of, _in_words(of), path=())


def pointer(path: Iterable[Any]) -> str:
    """A JSON pointer (RFC 6901) from path parts; a secret that is a key is behind its mark."""
    return "".join("/" + text(str(part)).replace("~", "~0").replace("/", "~1") for part in path)


def _schema(found: Any, *, is_secret_field: bool, by_name: bool) -> Any:
    if isinstance(found, list):
        return [_schema(inner, is_secret_field=is_secret_field, by_name=False) for inner in found]
    if not isinstance(found, dict):
        return text(found) if isinstance(found, str) else found
    made = {}
    shown = _names(found)
    for key, inner in found.items():
        if key in _TELLING and not by_name:
            made.update({} if is_secret_field else {key: value(inner)})
            continue
        hides = is_secret_field or (by_name and is_secret([key]))
        made[shown[key]] = _schema(inner, is_secret_field=hides, by_name=key in _NAMED and not by_name)
    return made


def _names(keys: Collection[str]) -> dict[str, str]:
    return redaction.names(keys, also=settings.COUNTERSIGN_SECRET_FIELDS, hide=of)


def _in_words(found: Any) -> Any:
    """As it comes back from whoever typed over it: a mark is words then."""
    return redaction.redacted(found, also=settings.COUNTERSIGN_SECRET_FIELDS, hide=lambda secret: str(of(secret)))


def _secrets(plain: Any, masked: Any, *, path: tuple[Any, ...]) -> Iterator[Secret]:
    if isinstance(masked, Mask):
        yield Secret(path=pointer(path), mask=masked, plain=plain)
    elif isinstance(plain, dict):
        for key, shown in _names(plain).items():
            yield from _secrets_in(key, path=(*path, shown))
            yield from _secrets(plain[key], masked[shown], path=(*path, shown))
    elif isinstance(plain, list | tuple):
        for n, inner in enumerate(plain):
            yield from _secrets(inner, masked[n], path=(*path, n))
    elif isinstance(plain, str) and masked != plain:
        yield from _secrets_in(plain, path=path)


def _secrets_in(words: str, *, path: tuple[Any, ...]) -> Iterator[Secret]:
    hidden: list[str] = []

    def note(one: str) -> str:
        hidden.append(one)
        return of(one)

    redaction.text(words, also=settings.COUNTERSIGN_SECRET_FIELDS, hide=note)
    yield from (Secret(path=pointer(path), mask=of(one), plain=one) for one in hidden)


@dataclass(frozen=True, kw_only=True)
class _Back:
    """The way from marks to secrets. `literal`: marks that somebody wrote as plain words."""

    known: dict[str, Any]
    literal: frozenset[str]

    def of(self, typed: Any, was: Any, shown: Any, *, path: tuple[Any, ...]) -> Any:
        """The value that was typed where `was` stood and was `shown`."""
        if wording.same(typed, shown):
            return was
        if isinstance(typed, dict):
            return self._object(typed, was if isinstance(was, dict) else {}, shown, path)
        if isinstance(typed, list):
            stood = list(zip(was, shown, strict=True)) if isinstance(was, list) else []
            stood += [(None, None)] * (len(typed) - len(stood))
            pairs = zip(typed, stood, strict=False)
            return [self.of(inner, *pair, path=(*path, n)) for n, (inner, pair) in enumerate(pairs)]
        if not isinstance(typed, str):
            return typed
        return self.known[typed] if typed in self.known else self._text(typed, path)  # a number comes back as one

    def _object(self, typed: dict[str, Any], was: dict[str, Any], shown: Any, path: tuple[Any, ...]) -> dict[str, Any]:
        stood = {name: key for key, name in _names(was).items()}
        made: dict[str, Any] = {}
        for name, inner in typed.items():
            at = (*path, name)
            key = stood.get(name) or self._text(name, at)
            if key in made:
                raise InvalidArguments([{"path": pointer(at), "message": TWICE}])
            pair = (was[key], shown[name]) if name in stood else (None, None)
            made[key] = self.of(inner, *pair, path=at)
        return made

    def _text(self, typed: str, path: tuple[Any, ...]) -> str:
        if any(mark not in self.known and mark not in self.literal for mark in MARK.findall(typed)):
            raise InvalidArguments([{"path": pointer(path), "message": STRANGE}])
        return MARK.sub(lambda mark: str(self.known.get(mark[0], mark[0])), typed)


def _marks_in(value: Any) -> Iterator[str]:
    """Those that somebody wrote as plain words."""
    if isinstance(value, str):
        yield from MARK.findall(value)
    elif isinstance(value, dict):
        yield from (mark for both in value.items() for inner in both for mark in _marks_in(inner))
    elif isinstance(value, list):
        yield from (mark for inner in value for mark in _marks_in(inner))
