"""How facts are put into words for people. Pure.

What an agent wrote is hostile: a character that cannot be seen, or that reorders the text around it,
is shown by its number, and so is a letter of another alphabet inside a word, so that nobody signs a line
that reads differently from what runs.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

#: Keys that read as part of a sentence: "to bob" rather than "to: bob".
PREPOSITIONS = frozenset({"to", "from", "for", "into", "with", "by", "at", "on", "in"})
#: Up to this length a string stands in the sentence; longer ones are only counted there.
IN_SENTENCE = 60
#: A question that is the whole title may be longer.
IN_TITLE = 140
#: So many arguments stand in a sentence of their own making; the others are counted.
PARTS = 2
#: Categories of characters without a picture: control, format, surrogate, private, unassigned, separators.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
#: Blank or filler characters outside those categories, used to hide text.
BLANKS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f\u180b\u180c\u180d\u180f")
#: Variation selectors carry hidden text; they have the category of accents.
SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
#: Alphabets whose letters look alike. A word of more than one of them is made to be misread.
ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "FULLWIDTH", "MATHEMATICAL"})
WORD = re.compile(r"[^\W\d_]+")
#: Plain ASCII, in which nothing is ever marked, and all else, in turn.
RUNS = re.compile(r"[ -~]+|[^ -~]+")
SOON, URGENT = timedelta(minutes=30), timedelta(minutes=5)
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def is_unseen(char: str) -> bool:
    """Would a reader miss this character, or be misled by it?"""
    if char in "\n\t" or (" " <= char <= "~"):
        return False
    return char in BLANKS or char in SELECTORS or unicodedata.category(char) in UNSEEN


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """The text in turn as (marked, piece): an unseen character as ⟨U+202E⟩, a stranger in its word as а⟨U+0430⟩.

    The same one many times over is counted: ⟨U+200B ×80,000⟩.
    """
    strange = set() if text.isascii() else set(_strangers(text))
    return _marked(
        text, lambda at, char: number(char) if is_unseen(char) else char + number(char) if at in strange else ""
    )


def exact_pieces(name: str) -> Iterator[tuple[bool, str]]:
    """A name in code, in which everything outside plain ASCII is marked by its number."""
    return _marked(
        name, lambda _, char: "" if " " <= char <= "~" else number(char) if is_unseen(char) else char + number(char)
    )


def _marked(text: str, mark: Callable[[int, str], str]) -> Iterator[tuple[bool, str]]:
    plain: list[str] = []
    for run in RUNS.finditer(text):
        if run[0].isascii() and run[0].isprintable():
            plain.append(run[0])
            continue
        marks = [(mark(at, char), char) for at, char in enumerate(run[0], run.start())]
        for is_marked, same in [(bool(marks[0][0]), marks)] if len(marks) == 1 else groupby(marks, _is_marked):
            if not is_marked:
                plain.extend(char for _, char in same)
                continue
            if plain:
                yield False, "".join(plain)
                plain = []
            yield True, "".join(_counted(marked, len(list(times))) for marked, times in groupby(same, itemgetter(0)))
    if plain:
        yield False, "".join(plain)


def _is_marked(one: tuple[str, str]) -> bool:
    return bool(one[0])


def _counted(marked: str, times: int) -> str:
    return marked if times == 1 else f"{marked[:-1]} ×{times:,}⟩"


def number(char: str) -> str:
    """A character's number: ⟨U+202E⟩."""
    return f"⟨U+{ord(char):04X}⟩"


def _strangers(text: str) -> Iterator[int]:
    """Where a letter belongs to another alphabet than most of its word, or than the Latin ones in it."""
    known: dict[str, tuple[int, ...]] = {}
    for word in WORD.finditer(text):
        if word[0] not in known:
            known[word[0]] = () if word[0].isascii() else tuple(_strangers_in(word[0]))
        yield from (word.start() + at for at in known[word[0]])


def _strangers_in(word: str) -> Iterator[int]:
    alphabets = [_alphabet(char) for char in word]
    known = [name for name in alphabets if name in ALPHABETS]
    if len(set(known)) > 1:
        home = "LATIN" if "LATIN" in known else max(sorted(set(known)), key=known.count)
        yield from (at for at, name in enumerate(alphabets) if name in ALPHABETS and name != home)


@lru_cache(maxsize=4_096)
def _alphabet(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]


def visible(text: str) -> str:
    """The text with every unseen character shown by its number."""
    return "".join(piece for _, piece in pieces(text))


def words_of(name: str) -> str:
    """`transfer_money` and `transferMoney` as "Transfer money"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    text = " ".join(re.split(r"[\s_\-./]+", spaced)).strip().lower()
    return visible(text[:1].upper() + text[1:] or name)


def sentence_case(title: str) -> str:
    """`Two-Factor Authentication` as "Two-factor authentication"; OIDC and CamelCase stay as they are."""
    return re.sub(r"(?<=[\s-])[A-Z](?=[a-z]*\b)", lambda found: found[0].lower(), title.strip())


def in_order(args: dict[str, Any], schema: dict[str, Any] | None) -> list[tuple[str, Any]]:
    """The arguments as the schema lists them. The database keeps the order of lists only, so of `required`."""
    known = schema.get("required") if isinstance(schema, dict) else None
    order = [key for key in known if key in args] if isinstance(known, list) else []
    return [(key, args[key]) for key in dict.fromkeys((*order, *args))]


def sentence(action: str, args: dict[str, Any], schema: dict[str, Any] | None = None) -> str:
    """What will happen, in one line drawn from the stored arguments: "Transfer money: amount 250, to bob"."""
    items = in_order(args, schema)
    if [key for key, _ in items] == ["question"] and isinstance(args["question"], str) and args["question"].strip():
        return _asked(args["question"])  # the question says it all, whatever the node is called
    if not (isinstance(schema, dict) and schema.get("required")):
        items.sort(key=lambda item: _weight(item[1]))
    parts = [_part(key, value) for key, value in items[:PARTS]]
    if len(items) > PARTS:
        parts.append(f"and {len(items) - PARTS} more")
    return f"{words_of(action)}: {', '.join(parts)}" if parts else words_of(action)


def _asked(question: str) -> str:
    text = " ".join(question.split())
    cut = text if len(text) <= IN_TITLE else f"{text[:IN_TITLE].rstrip()}… ({counted(len(question), 'character')})"
    return visible(cut)


def _weight(value: Any) -> int:
    """Numbers say most, then short words; what is only counted says least."""
    if isinstance(value, bool) or value is None:
        return 2
    if isinstance(value, int | float):
        return 0
    return 1 if isinstance(value, str) and len(value) <= IN_SENTENCE and "\n" not in value else 3


def _part(key: str, value: Any) -> str:
    name = key.lower() if key.lower() in PREPOSITIONS else words_of(key).lower()
    return f"{name} {in_short(value)}"


def in_short(value: Any) -> str:
    """A value in the middle of a sentence: whole, or only counted; never cut."""
    if isinstance(value, str):
        one_line = value if value.strip() and "\n" not in value else ""
        return visible(one_line) if 0 < len(one_line) <= IN_SENTENCE else _characters(value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    if isinstance(value, list):
        short = ", ".join(in_short(item) for item in value)
        scalars = not any(isinstance(item, list | dict) for item in value)
        return short if value and scalars and len(short) <= IN_SENTENCE else counted(len(value), "item")
    return counted(len(value), "value") if isinstance(value, dict) else as_json(value)


def running(told: dict[str, Any]) -> str:
    """A running total in one line: "With this, 1,250.00 to bob in 24 h"."""
    number = told["with_this"]
    if told["what"]:
        name = told["what"].rpartition(".")[2]
        much = ("" if name == "amount" else f"{words_of(name).lower()} ") + f"{number:,.2f}"
    else:
        much = counted(int(number), "request")
    own = {"action", "graph"}  # the ticket's own, so they are named only where nothing else is
    named = [name for name in told["by"] if name not in own] or told["by"]
    same = " ".join(_same_for(name, told["by"][name]) for name in named)
    return f"With this, {much} {same} in {told['hours']} h"


def _same_for(name: str, value: Any) -> str:
    match name:
        case "action":
            return f"of the action {in_short(value)}"
        case "graph":
            return f"through {in_short(value)}"
        case "requester":
            return f"asked by {in_short(value)}" if value else "asked by nobody we know"
    return _part(name.rpartition(".")[2], value)


def _characters(value: str) -> str:
    return f"({counted(len(value), 'character')})" if value else "(empty)"


def counted(count: int, noun: str) -> str:
    """`1 vote`, `2 votes`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(names: Sequence[str], *, last: str = "and") -> str:
    """`alice`, `alice and erin`, `alice, bob and erin`."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON for reading, in the letters of its language."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def span(length: timedelta) -> str:
    """A length of time no more exactly than it matters: "42 s", "4 min", "3 h 10 min", "24 h", "2 days 4 h".

    Seconds below a minute, minutes below six hours, then the nearest hour. static/js/countdown.js says the same.
    """
    seconds = max(0, int(length.total_seconds()))
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < 6 * HOUR:
        return _two(seconds // HOUR, "h", seconds % HOUR // MINUTE, "min")
    hours = (seconds + HOUR // 2) // HOUR
    days = hours // 24
    return f"{hours} h" if days < 2 else _two(days, "days", hours % 24 if days < 7 else 0, "h")


def _two(large: int, unit: str, small: int, fraction: str) -> str:
    return f"{large} {unit} {small} {fraction}" if small else f"{large} {unit}"


def urgency(deadline: datetime | None, *, now: datetime) -> str:
    """calm, soon, urgent or over: one word for the eye, the time itself stands beside it."""
    if deadline is None:
        return "calm"
    left = deadline - now
    if left <= timedelta(0):
        return "over"
    return "urgent" if left < URGENT else "soon" if left < SOON else "calm"


def until(moment: datetime, *, now: datetime) -> str:
    """`in 42 min`, or `2 h ago` when it is over."""
    return f"in {span(moment - now)}" if moment > now else f"{span(now - moment)} ago"


def ago(moment: datetime, *, now: datetime) -> str:
    """`2 h ago`, or `just now`."""
    past = now - moment
    return f"{span(past)} ago" if past.total_seconds() >= MINUTE else "just now"


def label_of(key: str, schema: Any) -> str:
    """The title of the schema, or the key in words."""
    title = schema.get("title") if isinstance(schema, dict) else None
    return visible(title) if isinstance(title, str) and title else words_of(key)


def same(left: Any, right: Any) -> bool:
    """Equality of JSON, types included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
