"""What is wrong with a condition, in words for whoever wrote it. Pure.

The library answers with its parser's whole list of what might have come next.
"""

from __future__ import annotations

import re

_PLACE = re.compile(r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): (?:Syntax error: )?(?P<what>[^\n]*)")
_AT_THE_END = re.compile(r"'<EOF>'(?: expecting .*)?$")
_STRANGER = re.compile(
    r"(?:mismatched|extraneous|viable alternative at) input '(?P<text>.*?)'(?: expecting .*)?$|at: '(?P<other>.*)'$"
)
_KINDS = "the values do not go together; write double(…) around a number that may be whole"


def unreadable(error: Exception) -> str:
    """Why a text is no CEL, and where."""
    text = str(error)
    found = list(_PLACE.finditer(text))
    if not found:
        return f"not a CEL expression: {_sentence(text)}"
    first = found[0]
    if _AT_THE_END.search(first["what"]) and not _is_expected(first["what"]):
        return "not a CEL expression: it ends too early"
    line = f"line {first['line']}, " if first["line"] != "1" or "\n" in text.partition("': ERROR")[0] else ""
    return f"not a CEL expression: {_what(first['what'])} at {line}character {first['column']}"


def failed(error: Exception) -> str:
    """Why a condition could not be evaluated."""
    if isinstance(error, KeyError):
        return f"there is no {error}"
    text = str(error) or type(error).__name__
    return _KINDS if text.startswith("No such overload") else _sentence(text)


def _is_expected(what: str) -> bool:
    """Should it have ended here?"""
    return what.endswith("expecting <EOF>")


def _what(what: str) -> str:
    stranger = _STRANGER.search(what)
    if not stranger:
        return _sentence(what)
    return f"“{(stranger['text'] or stranger['other'] or '').strip()}” is not understood"


def _sentence(text: str) -> str:
    lines = text.strip().splitlines() or [""]
    return re.split(r"\. (?=[A-Z])", lines[0])[0][:300].rstrip(".")
