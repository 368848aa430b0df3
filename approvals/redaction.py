"""Secrets recognised by the names of fields and by how they look, and put out of sight. Pure.

What is executed and what a digest binds stays as it is; what is put on record, logged or shown goes through here.
Account numbers and addresses are no secrets: they are what a reviewer has to check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

REDACTED = "[redacted]"

#: What hides one secret, a text or a number: what stands there instead.
Hide = Callable[[Any], str]

#: Fields whose value is a secret, whatever it looks like.
_FIELDS = re.compile(
    r"(?:^|[_\-.\s])(?:password|passwd|passphrase|pwd|secret|(?:secret|api|access|private|signing|encryption)[_\-]?key|"
    r"auth(?:orization)?|credentials?|cookie|session[_\-]?id|(?:access|refresh|auth|bearer|id)[_\-]?token|token|pin|cvv|otp)"
    r"$",
    re.IGNORECASE,
)
#: Borders between the words of a camelCase name.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
#: What stands for a secret already is none.
_STANDS = r"(?!\[redacted\]|\[secret: )"
_SHAPES = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!----))*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
            r"\bgh[pousr]_[0-9A-Za-z]{20,255}\b|\bgithub_pat_[0-9A-Za-z_]{20,255}\b",
            r"\bglpat-[0-9A-Za-z_-]{20,250}",
            r"\bxox[abeoprs]-[0-9A-Za-z-]{10,250}",
            r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,250}\b|\bwhsec_[0-9A-Za-z]{16,250}\b",
            r"\bsk-[0-9A-Za-z_-]{20,250}",
            r"\bcs_[0-9A-Za-z_-]{20,250}",
            r"\bAIza[0-9A-Za-z_-]{35}\b",
            r"\beyJ[0-9A-Za-z_-]{8,4000}\.[0-9A-Za-z_-]{8,8000}\.[0-9A-Za-z_-]{0,1000}",
            rf"(?<=[Bb]earer ){_STANDS}[0-9A-Za-z._~+/=-]{{8,4000}}",
            r"(?<=: Basic )[0-9A-Za-z+/]{8,4000}={0,2}",
            rf"(?<=://){_STANDS}[^\s/:@]{{1,200}}:[^\s/@]{{1,200}}(?=@)",
        )
    )
)
#: Without one of these there is no such shape: almost every text is done with then.
_BEGINNINGS = (
    *("-----BEGIN ", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "k_live_"),
    *("k_test_", "whsec_", "sk-", "cs_", "AIza", "eyJ", "earer ", ": Basic ", "://"),
)
_SIGNS = ("=", '":', "':", '" :', "' :", "ey: ")
#: `password=…`, `"password": "…"`, `X-Api-Key: …` inside a text; whether the name is one of a secret is asked then.
_TOLD = re.compile(
    rf"""(?P<name>[\w-]{{1,60}}+)(?P<sign>["']\s{{0,5}}:\s{{0,5}}|=|(?i:(?<=key)): ){_STANDS}"""
    r"""(?:"(?P<double>[^"\n]{1,4000})"|'(?P<single>[^'\n]{1,4000})'|(?P<bare>(?!(?:null|true|false|None|True|False)\b)[^\s"'&;,)}\][{(<]{4,4000}))"""
)


def redacted(value: Any, *, also: Sequence[str] = (), hide: Hide = lambda _: REDACTED) -> Any:
    """The same JSON value without the secrets that are recognised in it; `also`: further names of fields, as globs."""
    return _without(value, also=also, hide=hide, inside=False)


def names(keys: Collection[Any], *, also: Sequence[str] = (), hide: Hide = lambda _: REDACTED) -> dict[Any, Any]:
    """What is shown for each key of one object: keys that would read the same are numbered, so that none is lost."""
    if not _may_hold("\0".join(key for key in keys if isinstance(key, str))):
        return {key: key for key in keys}
    shown = {key: text(key, also=also, hide=hide) if isinstance(key, str) else key for key in keys}
    taken = {key for key, said in shown.items() if said == key}
    for key, said in shown.items():
        if said != key:
            shown[key] = next(one for one in _numbered(said) if one not in taken)
            taken.add(shown[key])
    return shown


def text(words: str, *, also: Sequence[str] = (), hide: Hide = lambda _: REDACTED) -> str:
    """The same words without the secrets that are recognised in them."""
    if any(beginning in words for beginning in _BEGINNINGS):
        words = _SHAPES.sub(lambda found: hide(found[0]), words)
    if any(sign in words for sign in _SIGNS):
        words = _TOLD.sub(lambda found: _untold(found, also, hide), words)
    return words


def is_secret(name: str, *, also: Sequence[str] = ()) -> bool:
    """Is what a field of this name holds a secret?"""
    spaced = _CAMEL.sub("_", name)
    return bool(_FIELDS.search(spaced)) or any(
        fnmatchcase(one, glob.lower()) for glob in also for one in (name.lower(), spaced.lower())
    )


def _without(value: Any, *, also: Sequence[str], hide: Hide, inside: bool) -> Any:
    """What stands in such a field is secret all through; a flag or nothing tells no secret."""
    if isinstance(value, dict):
        shown = names(value, also=also, hide=hide)
        return {
            shown[key]: _without(found, also=also, hide=hide, inside=inside or is_secret(str(key), also=also))
            for key, found in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without(item, also=also, hide=hide, inside=inside) for item in value]
    if inside and value != "" and isinstance(value, str | int | float) and not isinstance(value, bool):
        return hide(value)
    return text(value, also=also, hide=hide) if isinstance(value, str) else value


def _may_hold(words: str) -> bool:
    """Could there be a secret in it? Of the names in one object this is asked once."""
    return any(sign in words for sign in (*_BEGINNINGS, *_SIGNS))


def _numbered(words: str) -> Iterator[str]:
    yield words
    yield from (f"{words} {n}" for n in count(2))


def _untold(found: re.Match[str], also: Sequence[str], hide: Hide) -> str:
    if not is_secret(found["name"], also=also):
        return found[0]
    kind = next(kind for kind in ("double", "single", "bare") if found[kind])
    begins, ends = (at - found.start() for at in found.span(kind))
    return f"{found[0][:begins]}{hide(found[kind])}{found[0][ends:]}"
