"""Whatever an agent proposes survives the form: types, absence, null, order, unknown keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import fields, wording
from approvals.forms import ArgumentsForm

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
ARGS = st.dictionaries(TEXT, VALUES, max_size=6)


def as_posted(texts: dict[str, str]) -> dict[str, str]:
    """As a browser sends it: every line ends with CR LF."""
    return {name: text.replace("\r\n", "\n").replace("\n", "\r\n") for name, text in texts.items()}


def untouched(args: dict[str, Any], schema: dict[str, Any] | None = None) -> ArgumentsForm:
    return ArgumentsForm(args, schema, data=as_posted(fields.of(args, schema).posted()))


def typed(args: dict[str, Any], schema: dict[str, Any] | None = None, **texts: str) -> ArgumentsForm:
    posted = fields.of(args, schema).posted()
    return ArgumentsForm(args, schema, data=posted | {f"args.{name}": text for name, text in texts.items()})


@given(ARGS)
def test_what_nobody_touched_comes_back_as_it_was(args: dict[str, Any]) -> None:
    form = untouched(args)
    assert form.is_valid()
    assert wording.same(form.args, args)


@given(ARGS)
def test_the_json_view_comes_back_as_it_was(args: dict[str, Any]) -> None:
    text = ArgumentsForm(args).json_text
    assert wording.same(ArgumentsForm(args, data=as_posted({"args_json": text})).args, args)


SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["string", "number", "integer", "boolean", "array", "object", "null", ["string", "null"]]
        ),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "anyOf": st.just([{"type": "string"}, {"type": "null"}]),
        "items": st.sampled_from([{"type": "string"}, {"type": "integer"}, {}, True]),
        "properties": st.just({"a": {"type": "string"}}),
        "readOnly": st.booleans(),
    },
)


@given(st.dictionaries(st.sampled_from("abc"), SCHEMAS), st.dictionaries(st.sampled_from("abcd"), VALUES), st.data())
def test_what_nobody_touched_survives_any_schema(properties: Any, args: dict[str, Any], data: Any) -> None:
    required = data.draw(st.lists(st.sampled_from("abc"), unique=True))
    form = untouched(args, {"type": "object", "properties": properties, "required": required})
    assert form.is_valid()
    assert wording.same(form.args, args)


@pytest.mark.parametrize(
    ("text", "value"), [("300", 300), ("250.50", 250.5), ("-1", -1), ("1e3", 1000.0), (" 7 ", 7), ("0.1", 0.1)]
)
def test_a_number_stays_a_number(text: str, value: float) -> None:
    assert wording.same(typed({"amount": 250}, amount=text).args, {"amount": value})


@pytest.mark.parametrize(
    "text", ["", "a lot", "1,000", "NaN", "1e999", "99999999999999999999", "0.1000000000000000055"]
)
def test_what_is_no_exact_number_is_refused_beside_its_field(text: str) -> None:
    form = typed({"amount": 250}, amount=text)
    assert [(at, label) for at, label, _ in form.all_errors] == [("arg-0", "Amount")]
    assert form.root.children[0].text == text


def test_a_string_of_digits_stays_a_string() -> None:
    assert typed({"account": "0042"}, account="0043").args == {"account": "0043"}


OPTIONAL = {"properties": {"note": {"type": ["string", "null"]}, "to": {"type": "string"}}, "required": ["to"]}


@pytest.mark.parametrize(
    ("args", "state", "after"),
    [
        ({"to": "bob"}, "absent", {"to": "bob"}),
        ({"to": "bob"}, "null", {"to": "bob", "note": None}),
        ({"to": "bob"}, "value", {"to": "bob", "note": ""}),
        ({"to": "bob", "note": "x"}, "absent", {"to": "bob"}),
        ({"to": "bob", "note": None}, "value", {"to": "bob", "note": ""}),
    ],
)
def test_absent_null_and_empty_are_three_things(args: dict[str, Any], state: str, after: dict[str, Any]) -> None:
    assert typed(args, OPTIONAL, **{"note~state": state}).args == after


def test_typing_into_an_absent_field_sets_it() -> None:
    assert typed({"to": "bob"}, OPTIONAL, note="hello").args == {"to": "bob", "note": "hello"}


def test_unknown_keys_are_kept() -> None:
    assert typed({"to": "bob", "trace": {"id": 7}}, OPTIONAL, to="erin").args == {"to": "erin", "trace": {"id": 7}}


def test_a_list_is_edited_line_by_line() -> None:
    assert typed({"cc": ["a", "b"]}, cc="a\r\nc\r\n").args == {"cc": ["a", "c"]}


def test_a_choice_keeps_the_type_of_its_option() -> None:
    schema = {"properties": {"level": {"enum": [1, "1", None]}}, "required": ["level"]}
    assert wording.same(typed({"level": 1}, schema, level="1").args, {"level": "1"})


def test_a_nested_object_has_fields_of_its_own() -> None:
    form = ArgumentsForm({"to": {"iban": "X", "name": "bob"}}, data={"args.to.name": "erin"})
    assert form.args == {"to": {"iban": "X", "name": "erin"}}


def test_a_reference_and_pydantic_s_optional_are_understood() -> None:
    schema = {
        "properties": {"to": {"$ref": "#/$defs/Person"}, "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["to"],
        "$defs": {"Person": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
    }
    to, note = fields.of({"to": {"name": "bob"}, "note": None}, schema).children
    assert (to.kind, [child.kind for child in to.children], note.kind, note.presence) == (
        "object",
        ["text"],
        "text",
        "null",
    )


def test_text_with_unseen_characters_is_edited_as_json() -> None:
    shown = fields.of({"to": "bob\u202e"}, None).children[0]
    assert (shown.kind, shown.text) == ("json", '"bob\\u202e"')


def test_errors_of_the_schema_stand_beside_their_fields() -> None:
    form = ArgumentsForm({"to": {"name": "bob"}, "amount": 1}, data={})
    form.refuse([{"path": "/to/name", "message": "too short"}, {"path": "/else", "message": "is missing"}])
    assert [(label, error) for _, label, error in form.all_errors] == [("Name", "too short"), ("", "is missing")]


@given(ARGS, st.dictionaries(TEXT, TEXT, max_size=4))
def test_nothing_posted_breaks_the_form(args: dict[str, Any], posted: dict[str, str]) -> None:
    ArgumentsForm(args, data=posted)
    ArgumentsForm(args, data={"args_json": "".join(posted)})


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {f"p{n}": {"type": "string"} for n in range(300)}},
        {"properties": {"t": {"enum": [f"v{n}" for n in range(300)]}}},
    ],
)
def test_more_than_anybody_looks_through_is_edited_as_json(schema: dict[str, Any]) -> None:
    root = fields.of({"t": "v1"}, schema)
    assert [leaf.kind for leaf in root.leaves()] == ["json"]
