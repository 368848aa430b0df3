"""Secrets recognised by the names of fields and by how they look, and put out of sight. Pure.

What is executed and what a digest binds stays as it is; what is put on record, logged or shown goes through here.
Account numbers and addresses are no secrets: they are what a reviewer has to check.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import IntEnum
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

REDACTED = "[redacted]"

#: What hides one secret, a text or a number: what stands there instead.
Hide = Callable[[Any], str]


class Secrecy(IntEnum):
    """How much of what stands in a field is secret."""

    NOTHING = 0
    #: What is no number: `tokens` may be some, or how many.
    WORDS = 1
    ALL = 2


#: Fields whose value is a secret, whatever it looks like.
_FIELDS = re.compile(
    r"(?:^|[_\-.\s])(?:[a-z]*passwords?|[a-z]*passwd|passphrases?|passcodes?|pwd|[a-z]*secrets?|"
    r"(?:db|database|user|admin|root|login|mail|smtp|imap|ftp|ssh|sql|mysql|redis|proxy)[_\-]?pass|"
    r"(?:secret|api|access|private|signing|encryption)[_\-]?keys?|"
    r"auth(?:orization)?|credentials?|cookies?|session[_\-]?ids?|"
    r"(?:access|refresh|auth|bearer|id|api|csrf|session)[_\-]?tokens?|token|pin|cvv|cvc|t?otp|jwt)"
    r"(?:[_\-\s](?:confirm(?:ation)?|again|repeat|hash|value|pem|header))?[_\-\s]?[0-9]{0,4}$|^tokens$",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"tokens$", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9.,_]{1,30}")
#: Borders between the words of a camelCase name.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
#: What stands for a secret already is none.
_STANDS = r"(?!\[redacted\]|\[secret: )"
_SHAPES = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*"
            r"(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
            r"\bgh[pousr]_[0-9A-Za-z]{20,255}\b|\bgithub_pat_[0-9A-Za-z_]{20,255}\b",
            r"\bglpat-[0-9A-Za-z_-]{20,250}",
            r"\bxox[abeoprs]-[0-9A-Za-z-]{10,250}",
            r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,250}\b|\bwhsec_[0-9A-Za-z]{16,250}\b",
            r"\bsk-[0-9A-Za-z_-]{20,250}",
            r"\bnpm_[0-9A-Za-z]{36}\b|\bhf_[0-9A-Za-z]{30,250}\b|\bdop_v1_[0-9a-f]{64}\b|\bpypi-AgE[0-9A-Za-z_-]{16,500}",
            r"\bxapp-[0-9]-[0-9A-Za-z-]{10,250}|\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}\b",
            r"\bcs_[0-9A-Za-z_-]{20,250}",
            r"\bAIza[0-9A-Za-z_-]{35}\b",
            r"\beyJ[0-9A-Za-z_-]{8,4000}\.[0-9A-Za-z_-]{8,8000}\.[0-9A-Za-z_-]{0,1000}",
            rf"(?<=(?i:bearer) ){_STANDS}[0-9A-Za-z._~+/=-]{{8,4000}}",
            r"(?<=: Basic )[0-9A-Za-z+/]{8,4000}={0,2}",
            rf"(?<=://){_STANDS}[^\s/:@]{{0,200}}:[^\s/@]{{1,200}}(?=@)",
            r"(?<=AccountKey=)[0-9A-Za-z+/]{8,200}={0,2}",
        )
    )
)
#: Without one of these there is no such shape: almost every text is done with then.
_BEGINNINGS = (
    *("-----BEGIN ", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "k_live_"),
    *("k_test_", "whsec_", "sk-", "cs_", "AIza", "eyJ", "earer ", "EARER "),
    *(": Basic ", "://", "AccountKey=", "npm_", "hf_", "dop_v1_", "pypi-AgE", "xapp-", "SG."),
)
_SIGNS = ("=", '":', "':", '" :', "' :", ": ")
#: `password=…`, `"password": "…"`, also in JSON within JSON, `X-Api-Key: …` inside a text: first the name, and where it
#: is one of a secret what is told of it. Of another name nothing is passed over: a secret may stand in its value.
_NAMED = re.compile(r"""(?P<name>[\w-]{1,60}+)(?:\\{0,9}["']\s{0,5}:\s{0,5}|=|(?P<colon>:[ ]{1,5}))""")
_TOLD = re.compile(
    _STANDS + r"""(?:\\{1,9}"(?P<nested>[^"\\\n]{1,4000})\\{1,9}"|"(?P<double>(?:[^"\\\n]|\\[^\n]){1,4000})"|"""
    r"""'(?P<single>[^'\n]{1,4000})'|(?P<bare>(?!(?:null|true|false|None|True|False)\b)[^\s\\"'&;,)}\][{(<]{4,4000}))"""
)
#: After a colon people write sentences too: a secret has letters and digits, or the line for itself.
_MIXED = re.compile(r"(?=[^A-Za-z]*[A-Za-z])(?=[^0-9]*[0-9]).{6}")
_LINE_BEGINS = re.compile(r"(?:^|\n)[ \t>*-]{0,40}\Z")
_LINE_ENDS = re.compile(r"[ \t]{0,5},?[ \t]{0,5}(?:[\r\n]|\Z)")
_NO_SECRET = re.compile(r"(?:required|optional|unchanged|missing|invalid|expired|wrong|none)\b", re.IGNORECASE)


def redacted(value: Any, *, also: Sequence[str] = (), hide: Hide = lambda _: REDACTED) -> Any:
    """The same JSON value without the secrets that are recognised in it; `also`: further names of fields, as globs."""
    return _without(value, also=also, hide=hide, inside=Secrecy.NOTHING)


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
        words = "".join(_untold(words, also, hide))
    return words


def is_secret(name: str, *, also: Sequence[str] = ()) -> bool:
    """Is what a field of this name holds a secret?"""
    return bool(_secrecy(name, also))


def _secrecy(name: str, also: Sequence[str]) -> Secrecy:
    plain = name if name.isascii() else unicodedata.normalize("NFKC", name)
    spaced = _CAMEL.sub("_", plain)
    if any(fnmatchcase(one, glob.lower()) for glob in also for one in (plain.lower(), spaced.lower())):
        return Secrecy.ALL
    if not _FIELDS.search(spaced):
        return Secrecy.NOTHING
    return Secrecy.WORDS if _COUNTED.search(spaced) else Secrecy.ALL


def _without(value: Any, *, also: Sequence[str], hide: Hide, inside: Secrecy) -> Any:
    """What stands in such a field is secret all through; a flag or nothing tells no secret."""
    if isinstance(value, dict):
        shown = names(value, also=also, hide=hide)
        return {
            shown[key]: _without(found, also=also, hide=hide, inside=max(inside, _secrecy(str(key), also)))
            for key, found in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without(item, also=also, hide=hide, inside=inside) for item in value]
    if _is_hidden(value, inside):
        return hide(value)
    return text(value, also=also, hide=hide) if isinstance(value, str) else value


def _is_hidden(value: Any, inside: Secrecy) -> bool:
    if inside is Secrecy.WORDS:
        return isinstance(value, str) and value != "" and not _NUMBER.fullmatch(value)
    return bool(inside) and value != "" and isinstance(value, str | int | float) and not isinstance(value, bool)


def _may_hold(words: str) -> bool:
    """Could there be a secret in it? Of the names in one object this is asked once."""
    return any(sign in words for sign in (*_BEGINNINGS, *_SIGNS))


def _numbered(words: str) -> Iterator[str]:
    yield words
    yield from (f"{words} {n}" for n in count(2))


def _untold(words: str, also: Sequence[str], hide: Hide) -> Iterator[str]:
    """The words piece by piece, each secret that is told by its name hidden."""
    done = 0
    for named in _NAMED.finditer(words):
        secrecy = _secrecy(named["name"], also) if named.start() >= done else Secrecy.NOTHING
        told = _TOLD.match(words, named.end()) if secrecy else None
        if told is None or told.lastgroup is None:
            continue
        if _is_hidden(told[told.lastgroup], secrecy) and not _is_prose(named, told):
            yield words[done : told.start(told.lastgroup)]
            yield hide(told[told.lastgroup])
            done = told.end(told.lastgroup)
    yield words[done:]


def _is_prose(named: re.Match[str], told: re.Match[str]) -> bool:
    """Is what follows this colon a word of a sentence, and no value?"""
    bare = told["bare"]
    if not (named["colon"] and bare) or named["name"].lower().endswith("key") or _MIXED.match(bare):
        return False
    if _NO_SECRET.match(bare) or not _LINE_ENDS.match(told.string, told.end()):
        return True
    before = named.string[max(0, named.start() - 41) : named.start()]
    return not _LINE_BEGINS.search(before)
