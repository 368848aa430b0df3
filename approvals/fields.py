"""The fields of a form made from a JSON Schema and the values it starts from. Pure.

What no field can carry without loss is edited as JSON, that property only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from approvals import limits, masks, shapes, wording
from approvals.shapes import MISSING, Place

#: Those that hold further fields.
NESTED = frozenset({"object", "rows", "variant"})
#: Those that nobody types into.
SHOWN = frozenset({"kept", "fixed", "hidden"})
#: More names than this are not posted one by one.
MOST_POSTED = 600


@dataclass(kw_only=True)
class Field:
    """One property: how it is shown, what it was, what was typed."""

    path: tuple[str, ...]
    id: str
    label: str
    kind: str
    at: Place
    schema: Mapping[str, Any] = field(default_factory=dict)
    value: Any = MISSING
    text: str = ""
    hint: str = ""
    required: bool = True
    nullable: bool = False
    item: str = "string"
    options: list[Any] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    children: list[Field] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    presence: str = "value"
    #: A row that was added and not filled in.
    is_blank: bool = False
    is_changed: bool = False
    has_focus: bool = False

    @property
    def name(self) -> str:
        """The name in the posted form: `args.to`; a dot inside a key is written ~1."""
        return ".".join(("args", *(key.replace("~", "~0").replace(".", "~1") for key in self.path)))

    @property
    def has_presence(self) -> bool:
        """May it be null or left out?"""
        return self.kind not in SHOWN and bool(self.path) and (self.nullable or not self.required)

    @property
    def is_secret(self) -> bool:
        """Does a mark stand for its value?"""
        return isinstance(self.value, masks.Mask)

    @property
    def limits(self) -> str:
        """What the schema asks of it."""
        if self.kind in SHOWN:
            return ""
        schema = self.schema
        if masks.is_secret(self.path):  # how long it is its mark says too
            schema = {rule: limit for rule, limit in schema.items() if rule in limits.COUNTED}
        return limits.said(schema, beside=(self.hint, *self.errors))

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Index and words of each option."""
        return [(str(n), self._words(n, option)) for n, option in enumerate(self.options)]

    def _words(self, n: int, option: Any) -> str:
        if self.kind == "variant":
            title = option.get("title")
            return wording.visible(title) if isinstance(title, str) and title else _words_of_kind(option)
        if n < len(self.titles) and self.titles[n]:
            return wording.visible(self.titles[n])
        return {True: "Yes", False: "No"}[option] if isinstance(option, bool) else wording.in_short(option)

    def parts(self) -> Iterator[Field]:
        """This field and all inside it."""
        yield self
        for child in self.children:
            yield from child.parts()

    def leaves(self) -> Iterator[Field]:
        """This field or those inside it."""
        return (part for part in self.parts() if part.kind not in NESTED)

    def posted(self) -> dict[str, str]:
        """What a browser would send for it, untouched."""
        return {name: text for part in self.parts() for name, text in _sent(part)}


def _sent(part: Field) -> Iterator[tuple[str, str]]:
    if part.kind in {"rows", "variant"}:
        yield f"{part.name}~{part.kind}", part.text
    elif part.kind not in SHOWN | NESTED:
        yield part.name, part.text
    if part.has_presence:
        yield f"{part.name}~state", part.presence


def of(args: Any, schema: dict[str, Any] | None, *, id: str = "arg", has_steps: bool = False) -> Field:
    """The root: an object field, or one JSON field where there are too many or the keys cannot be form names."""
    root = schema if isinstance(schema, dict) and schema.get("properties") else shapes.inferred(args)
    at = Place(root=root, depth=0, has_steps=has_steps)
    made = make((), args, root, at=at, required=True, id=id)
    if len(made.posted()) <= MOST_POSTED:
        return made
    whole = Field(path=(), id=id, label="", kind="json", at=at, value=args)
    whole.text = text_of(whole)
    return whole


def make(
    path: tuple[str, ...], value: Any, given: Any, *, at: Place, required: bool, id: str, label: str = ""
) -> Field:
    """The field of one property, with those inside it."""
    shape = shapes.of(value, given, at=at)
    hint = shape.schema.get("description")
    made = Field(
        path=path,
        id=id,
        label=label or (wording.label_of(path[-1], shape.schema) if path else ""),
        kind=shape.kind,
        at=at,
        schema=shape.schema,
        value=shape.schema["const"] if shape.kind == "fixed" else value,
        hint=wording.visible(hint) if isinstance(hint, str) else "",
        required=required,
        nullable=shape.nullable,
        options=shape.options,
        titles=shape.titles,
        item=_item_of(shape, at) if shape.kind == "lines" else "",
        presence="absent" if value is MISSING else "null" if value is None and shape.nullable else "value",
    )
    made.children = list(_children(made))
    made.text = text_of(made)
    return made


def row(parent: Field, key: str, *, number: int) -> Field:
    """One item of a list: what it was, or a new one where the key is not the place of one."""
    known = parent.value if isinstance(parent.value, list) else []
    value = known[int(key)] if key.isdecimal() and int(key) < len(known) else MISSING
    named = {"id": f"{parent.id}-{key}", "label": f"{parent.label} {number}"}
    return make((*parent.path, key), value, parent.schema.get("items"), at=parent.at, required=True, **named)


def variant(parent: Field, picked: int) -> Field:
    """The field for one of the kinds that a value may be of."""
    option = parent.options[picked]
    value = parent.value if shapes.fits(parent.value, option, parent.at.root) else MISSING
    named = {"id": f"{parent.id}-as{picked}", "label": parent.label}
    made = make(parent.path, value, option, at=parent.at, required=True, **named)
    if made.kind in NESTED:  # its legend stands inside its parent's, which has said the name
        made.label = parent.choices[picked][1]
    return made


def place(root: Field, path: Sequence[str], sentence: str) -> bool:
    """Put an error beside the deepest field of this path; False where it is about none."""
    at, rest = root, list(path)
    while rest and (inner := _inside(at, rest[0])):
        at, rest = inner, rest[1:]
    at = at.children[0] if at.kind == "variant" and at.children and at.children[0].kind not in NESTED else at
    if at is root and at.kind == "object":
        return False
    line = f"Line {int(rest[0]) + 1}: " if at.kind == "lines" and rest and rest[0].isdecimal() else ""
    at.errors.append(f"{line}{sentence}")
    return True


def path_of(pointer: str) -> tuple[str, ...]:
    """The parts of a JSON pointer."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _inside(at: Field, part: str) -> Field | None:
    if at.kind == "variant" and at.children:
        return _inside(at.children[0], part)
    if at.kind == "rows":
        filled = [child for child in at.children if not child.is_blank]
        return filled[int(part)] if part.isdecimal() and int(part) < len(filled) else None
    return next((child for child in at.children if child.path[-1] == part), None) if at.kind == "object" else None


def _children(parent: Field) -> Iterator[Field]:
    match parent.kind:
        case "object":
            yield from _properties(parent)
        case "rows":
            for n in range(len(parent.value or []) if parent.value is not MISSING else 0):
                yield row(parent, str(n), number=n + 1)
        case "variant":
            picked = [n for n, one in enumerate(parent.options) if shapes.fits(parent.value, one, parent.at.root)]
            yield variant(parent, picked[0] if picked else 0)


def _properties(parent: Field) -> Iterator[Field]:
    known, needed = parent.schema["properties"], shapes.needed_keys(parent.schema)
    value = parent.value if isinstance(parent.value, dict) else {}
    inner = replace(parent.at, depth=parent.at.depth + 1)
    for n, key in enumerate(dict.fromkeys((*(key for key in needed if key in known), *known, *value))):
        child = make(
            (*parent.path, key),
            value.get(key, MISSING),
            known.get(key),
            at=inner,
            required=key in needed,
            id=f"{parent.id}-{n}",
        )
        if key not in known:
            child.kind, child.children = "kept", []
            child.text = text_of(child)
        yield child


def _item_of(shape: shapes.Shape, at: Place) -> str:
    return str(shapes.resolved(shape.schema.get("items"), at.root)[0]["type"])


def _words_of_kind(schema: Mapping[str, Any]) -> str:
    kind = str(schema.get("type", "object"))
    words = {"string": "Text", "integer": "Whole number", "boolean": "Yes or no", "array": "List", "object": "Details"}
    return words.get(kind, wording.words_of(kind))


def text_of(shown: Field) -> str:
    """The value as the form shows it."""
    value = shown.value
    if shown.kind in SHOWN or (shown.kind == "json" and value is not MISSING and shown.presence == "value"):
        escaped = any(map(wording.is_unseen, wording.as_json(value))) if value is not MISSING else False
        return json.dumps(value, indent=2, ensure_ascii=escaped) if value is not MISSING else ""
    if shown.kind == "rows":
        return ",".join(child.path[-1] for child in shown.children)
    if shown.kind == "variant":
        return shown.children[0].id.rpartition("-as")[2]
    if value is MISSING or value is None or shown.kind == "object":
        return ""
    if shown.kind == "choice":
        return str(next(n for n, option in enumerate(shown.options) if wording.same(option, value)))
    if shown.kind == "lines":
        return "\n".join(item if isinstance(item, str) else wording.as_json(item) for item in value)
    return value if isinstance(value, str) else wording.as_json(value)
