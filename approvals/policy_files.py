"""Policies as a TOML file: the order of the tables is the order in which the policies are tried.

What a file leaves out is as a new policy has it; TOML has no null, so where a number may be missing, 0 says so.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomlkit
from django.db.models import BooleanField, CharField, IntegerField, TextField
from tomlkit.items import Table

from approvals import drafts, wording
from approvals.drafts import Draft
from approvals.errors import InvalidPolicy
from approvals.models import Policy
from approvals.timeouts import Step

SIGNS, STEPS = "requirements", "steps"
STEP_KEYS = {"group": str, "needed": int, "deadline_seconds": int}
#: `position` is the place in the file.
KEYS = tuple(key for key in drafts.KEYS if key != "position")
#: Written even where they are as a new policy has them: they are what a policy is about.
ALWAYS = frozenset({"name", "risk", "gate"})
TYPES: dict[type[Any], tuple[type, str]] = {
    CharField: (str, "a text"),
    TextField: (str, "a text"),
    BooleanField: (bool, "true or false"),
    IntegerField: (int, "a whole number"),
}


@dataclass(frozen=True, kw_only=True)
class PolicyFile:
    """What a file says: the policies in order, and groups that are to exist."""

    drafts: Sequence[Draft]
    groups: Sequence[str]


def load(path: Path) -> PolicyFile:
    """The file as drafts. Raises InvalidPolicy with one sentence that names the policy and the key."""
    try:
        return read(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidPolicy(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidPolicy(f"{path} is not UTF-8.") from error


def read(text: str) -> PolicyFile:
    """The text of a file as drafts. Raises InvalidPolicy."""
    try:
        content = tomllib.loads(text)
    except ValueError as error:  # a number of thousands of digits is one too, and no TOMLDecodeError
        raise InvalidPolicy(f"The file is not TOML: {error}.") from error
    except RecursionError as error:
        raise InvalidPolicy("The file is nested too deeply.") from error
    _refuse_unknown(content, ("groups", "policy"), where="The file")
    tables, groups = content.get("policy", []), content.get("groups", [])
    if not _are(groups, str) or not all(_is_name(name) for name in groups):
        raise InvalidPolicy("The file, groups: a list of names of at most 150 characters.", key="groups")
    if not _are(tables, dict):
        raise InvalidPolicy("The file, policy: policies are written as [[policy]].", key="policy")
    if not tables:
        raise InvalidPolicy("The file holds no [[policy]]; loading it would leave none in force.")
    drafts = [_draft(table, number) for number, table in enumerate(tables, start=1)]
    _refuse_twins(drafts)
    return PolicyFile(drafts=drafts, groups=groups)


def dump(drafts: Iterable[Draft]) -> str:
    """The policies as a file; reading it gives the same drafts, in the same order."""
    drafts = list(drafts)
    document = tomlkit.document()
    document.add(tomlkit.comment("Policies are tried from the first to the last; the first match decides."))
    document.add("groups", tomlkit.item(sorted({group for draft in drafts for group in draft.groups})))
    tables = tomlkit.aot()
    for draft in drafts:
        tables.append(_table(draft))
    if drafts:
        document.add("policy", tables)
    return tomlkit.dumps(document)


def _table(draft: Draft) -> Table:
    table, blank = tomlkit.table(), drafts.new({})
    for key in KEYS:
        value = draft.values[key]
        if key in ALWAYS or value != blank.values[key]:
            table.add(key, _text(value) if isinstance(value, str) else value or 0 if value is None else value)
    if draft.requirements:
        signs = tomlkit.inline_table()
        signs.update(draft.requirements)
        table.add(SIGNS, signs)
    if draft.steps:
        steps = tomlkit.array().multiline(True)
        for step in draft.steps:
            row = tomlkit.inline_table()
            row.update(asdict(step))
            steps.append(row)
        table.add(STEPS, steps)
    return table


def _text(value: str) -> Any:
    # A condition is full of double quotes; between single ones it reads as it is.
    is_plain = value.isprintable() and "'" not in value
    return tomlkit.string(str(value), literal=is_plain and '"' in value)


def _draft(table: dict[str, Any], number: int) -> Draft:
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidPolicy(f"Policy {number} of the file, name: a policy needs a name.", key="name")
    where = f"Policy “{name}”"
    _refuse_unknown(table, (*KEYS, SIGNS, STEPS), where=where)
    values = {key: _value(key, table[key], where) for key in KEYS if key in table}
    signs = table.get(SIGNS, {})
    if not isinstance(signs, dict):
        raise InvalidPolicy(f"{where}, {SIGNS}: write {{ group = 1 }}, how many of which group.", key=SIGNS)
    return drafts.new(values, signs, _steps(table.get(STEPS, []), where))


def _steps(rows: Any, where: str) -> list[Step]:
    steps = []
    for row in rows if _are(rows, dict) else [{}]:
        row = {"needed": 1, **row}
        if row.keys() != STEP_KEYS.keys() or not all(type(row[key]) is kind for key, kind in STEP_KEYS.items()):
            sentence = 'each step is written { group = "security", needed = 1, deadline_seconds = 7200 }.'
            raise InvalidPolicy(f"{where}, {STEPS}: {sentence}", key=STEPS)
        steps.append(Step(**row))
    return steps


def _value(key: str, value: Any, where: str) -> Any:
    column: Any = Policy._meta.get_field(key)
    kind, words = next((wanted for known, wanted in TYPES.items() if isinstance(column, known)), (object, ""))
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise InvalidPolicy(f"{where}, {key}: {words} is expected, not {value!r}.", key=key)
    known = [choice for choice, _ in column.choices or ()]
    if known and value not in known:
        one_of = wording.listed(known, last="or")
        raise InvalidPolicy(f"{where}, {key}: {one_of} is expected, not {value!r}.", key=key)
    return None if value == 0 and _zero_is_none(column) else value


def _zero_is_none(column: Any) -> bool:
    """May the number be missing, and is that something else than leaving the key out?"""
    return column.null and column.get_default() is not None


def _refuse_unknown(table: dict[str, Any], known: Iterable[str], *, where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; do you mean {near[0]}?" if near else "."
            raise InvalidPolicy(f"{where} has an unknown key, {key}{hint}", key=key)


def _refuse_twins(drafts: Sequence[Draft]) -> None:
    seen: set[str] = set()
    for draft in drafts:
        if draft.name in seen:
            raise InvalidPolicy(f"Policy “{draft.name}”, name: two policies have this name.", key="name")
        seen.add(draft.name)


def _are(values: Any, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 150 and "\x00" not in name
