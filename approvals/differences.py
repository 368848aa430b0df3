"""What is different between two versions of the arguments, and one person's changes laid over another's. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from approvals import masks, shapes, wording

#: Longer texts are compared word by word, up to so many words: comparing takes time by the square of them.
WORDY, MOST_WORDS = 40, 2_000
_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, kw_only=True)
class Run:
    """Some words in a row that stayed, went or came."""

    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference: where, what it was, what it is. None: it was not there."""

    path: str
    label: str
    before: str | None
    after: str | None
    #: A long text word by word; empty where it is shown whole.
    runs: list[Run] = field(default_factory=list)


def of(before: Any, after: Any, schema: Mapping[str, Any] | None = None) -> list[Change]:
    """What differs, leaf by leaf; `1`, `true` and `"1"` are different things. Secrets differ by their marks."""
    root = masks.schema(schema) or {}
    return list(_between(masks.value(before), masks.value(after), root, root, path=(), labels=()))


def _between(
    before: Any, after: Any, given: Any, root: Mapping[str, Any], *, path: tuple[str, ...], labels: tuple[str, ...]
) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        known = shapes.resolved(given, root)[0].get("properties")
        for key in dict.fromkeys((*before, *after)):
            inner = known.get(key) if isinstance(known, dict) else None
            at = {"path": (*path, key), "labels": (*labels, wording.label_of(key, inner))}
            if key in before and key in after:
                yield from _between(before[key], after[key], inner, root, **at)
            else:
                yield _change(before.get(key, shapes.MISSING), after.get(key, shapes.MISSING), **at)
    elif not wording.same(before, after):
        yield _change(before, after, path=path, labels=labels)


def _change(before: Any, after: Any, *, path: tuple[str, ...], labels: tuple[str, ...]) -> Change:
    is_wordy = all(isinstance(text, str) and len(text) > WORDY for text in (before, after))
    return Change(
        path="".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path),
        label=" › ".join(labels) or "All arguments",
        before=None if before is shapes.MISSING else _as_words(before),
        after=None if after is shapes.MISSING else _as_words(after),
        runs=list(_runs(before, after)) if is_wordy else [],
    )


def _runs(before: str, after: str) -> Iterator[Run]:
    """The two texts word by word; nothing where they are too long or have little in common."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if len(old) > MOST_WORDS or len(new) > MOST_WORDS:
        return
    match = SequenceMatcher(None, old, new, autojunk=False)
    if match.real_quick_ratio() < 0.3 or match.ratio() < 0.3:
        return
    for kind, i, j, k, m in match.get_opcodes():
        if kind == "equal":
            yield Run(kind="same", text="".join(old[i:j]))
            continue
        if i < j:
            yield Run(kind="gone", text="".join(old[i:j]))
        if k < m:
            yield Run(kind="new", text="".join(new[k:m]))


def _as_words(value: Any) -> str:
    return value if isinstance(value, str) and value.strip() else wording.as_json(value)


def laid_over(onto: Any, *, before: Any, after: Any) -> Any:
    """What somebody changed from `before` to `after`, done to a third version; lists are taken whole."""
    if not all(isinstance(value, dict) for value in (onto, before, after)):
        return after
    result = dict(onto)
    for key in dict.fromkeys((*before, *after)):
        if key not in after:
            result.pop(key, None)
        elif key not in before or not wording.same(before[key], after[key]):
            result[key] = laid_over(onto.get(key), before=before.get(key), after=after[key])
    return result
