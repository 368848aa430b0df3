"""Whatever an agent proposes survives the form: types, absence, null, order, unknown keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import digests, edit_steps, fields, wording
from approvals.forms import ArgumentsForm

# A busy machine is no defect.
patient = settings(deadline=None)

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
    return ArgumentsForm(args, schema, data=as_posted(fields.of(args, schema, has_steps=True).posted()))


def typed(args: dict[str, Any], schema: dict[str, Any] | None = None, **texts: str) -> ArgumentsForm:
    posted = fields.of(args, schema, has_steps=True).posted()
    return ArgumentsForm(args, schema, data=posted | {f"args.{name}": text for name, text in texts.items()})


@patient
@given(ARGS)
def test_what_nobody_touched_comes_back_as_it_was(args: dict[str, Any]) -> None:
    form = untouched(args)
    assert form.is_valid()
    assert wording.same(form.args, args)


@patient
@given(ARGS)
def test_the_json_view_comes_back_as_it_was(args: dict[str, Any]) -> None:
    text = ArgumentsForm(args).json_text
    assert wording.same(ArgumentsForm(args, data=as_posted({"args_json": text})).args, args)


PAYEE = {
    "type": "object",
    "title": "Payee",
    "properties": {"name": {"type": "string"}, "share": {"type": ["number", "null"]}},
    "required": ["name"],
}
CARD = {"type": "object", "properties": {"kind": {"const": "card"}, "last": {"type": "string"}}, "required": ["kind"]}
BANK = {"type": "object", "properties": {"kind": {"const": "bank"}, "iban": {"type": "string"}}, "required": ["kind"]}
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["string", "number", "integer", "boolean", "array", "object", "null", ["string", "null"]]
        ),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "anyOf": st.sampled_from(
            [
                [{"type": "string"}, {"type": "null"}],
                [{"type": "string"}, {"type": "integer"}, {"type": "null"}],
                [CARD, BANK],
                [PAYEE, {"type": "boolean"}],
            ]
        ),
        "oneOf": st.just([{"const": 1, "title": "One"}, {"const": "1"}]),
        "const": st.sampled_from([1, "1", None, []]),
        "format": st.sampled_from(["date", "date-time"]),
        "items": st.sampled_from([{"type": "string"}, {"type": ["integer", "null"]}, PAYEE, {"enum": [1, "1"]}, True]),
        "properties": st.just({"a": {"type": "string"}}),
        "readOnly": st.booleans(),
    },
)


@patient
@given(st.dictionaries(st.sampled_from("abc"), SCHEMAS), st.dictionaries(st.sampled_from("abcd"), VALUES), st.data())
def test_what_nobody_touched_survives_any_schema(properties: Any, args: dict[str, Any], data: Any) -> None:
    required = data.draw(st.lists(st.sampled_from("abc"), unique=True))
    form = untouched(args, {"type": "object", "properties": properties, "required": required})
    assert form.is_valid()
    assert digests.canonical(form.args) == digests.canonical(args)


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


@patient
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


ORDER = {
    "properties": {
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
                "required": ["item", "count"],
            },
        },
        "sizes": {"type": "array", "items": {"enum": ["S", "M", "L"]}},
        "pay": {"oneOf": [CARD, BANK]},
        "when": {"type": "string", "format": "date"},
        "ship": {"type": "object", "properties": {"city": {"type": "string"}, "zip": {"type": "string"}}},
    },
    "required": ["lines"],
}
CHAIRS = {"lines": [{"item": "chair", "count": 4, "note": "oak"}, {"item": "table", "count": 1}]}


def stepped(args: dict[str, Any], *steps: str, **texts: str) -> ArgumentsForm:
    """After each of these buttons, and then with these words in the fields."""
    form = ArgumentsForm(args, ORDER)
    for step in steps:
        data, _ = edit_steps.taken(step, form.posted())
        form = ArgumentsForm(args, ORDER, data=data)
    return ArgumentsForm(args, ORDER, data=form.posted() | {f"args.{name}": text for name, text in texts.items()})


def test_a_row_of_an_object_is_added_and_filled_in() -> None:
    form = stepped(CHAIRS, "add args.lines", **{"lines.n1.item": "lamp", "lines.n1.count": "2"})
    assert form.args["lines"] == [*CHAIRS["lines"], {"item": "lamp", "count": 2}]


def test_a_row_that_nobody_filled_in_is_no_item() -> None:
    assert stepped(CHAIRS, "add args.lines", "add args.lines").args == CHAIRS


def test_a_row_is_taken_out_and_the_others_stay_as_they_were() -> None:
    assert stepped(CHAIRS, "remove args.lines.0").args == {"lines": [{"item": "table", "count": 1}]}


def test_every_row_may_be_taken_out() -> None:
    assert stepped(CHAIRS, "remove args.lines.0", "remove args.lines.1").args == {"lines": []}


def test_a_key_the_schema_does_not_know_stays_in_its_row() -> None:
    assert stepped(CHAIRS, **{"lines.0.count": "5"}).args["lines"][0] == {"item": "chair", "count": 5, "note": "oak"}


def test_a_list_of_choices_is_edited_row_by_row() -> None:
    assert stepped({"lines": [], "sizes": ["S"]}, "add args.sizes", **{"sizes.n1": "2"}).args["sizes"] == ["S", "L"]


def test_one_of_several_kinds_is_picked_and_filled_in() -> None:
    paid = {"lines": [], "pay": {"kind": "card", "last": "1234"}}
    form = stepped(paid, **{"pay~variant": "1", "pay.iban": "DE02"})
    assert form.args["pay"] == {"kind": "bank", "iban": "DE02"}


def test_a_kind_that_was_picked_is_named_and_not_called_what_the_whole_is() -> None:
    pay = next(
        part for part in ArgumentsForm({"lines": [], "pay": {"kind": "card"}}, ORDER).root.parts() if part.options
    )
    assert (pay.label, pay.children[0].label) == ("Pay", pay.choices[0][1])


def test_an_object_that_was_not_there_appears_once_something_is_typed_in_it() -> None:
    assert stepped({"lines": []}, **{"ship.city": "Ulm"}).args == {"lines": [], "ship": {"city": "Ulm"}}


def test_a_change_is_undone_for_one_field_alone() -> None:
    form = stepped(CHAIRS, **{"lines.0.item": "sofa", "lines.0.count": "9"})
    data, _ = edit_steps.taken("reset args.lines.0.item", form.posted())
    assert ArgumentsForm(CHAIRS, ORDER, data=data).args["lines"][0] == {"item": "chair", "count": 9, "note": "oak"}


def test_an_error_in_a_row_stands_beside_its_field_after_another_was_taken_out() -> None:
    form = stepped(CHAIRS, "remove args.lines.0", **{"lines.1.count": "0"})
    form.refuse([{"path": "/lines/0/count", "message": "must be at least 1"}])
    assert [(id, label) for id, label, _ in form.all_errors] == [("arg-0-1-1", "Count")]


def test_a_date_has_a_field_of_its_own_unless_it_holds_something_else() -> None:
    kinds = [fields.of({"when": value}, ORDER).children[-2].kind for value in ("2026-03-31", "next week")]
    assert kinds == ["date", "text"]


@patient
@given(st.text(max_size=20), st.dictionaries(TEXT, TEXT, max_size=4))
def test_no_step_breaks_the_form(step: str, posted: dict[str, str]) -> None:
    data, name = edit_steps.taken(step, posted)
    ArgumentsForm(CHAIRS, ORDER, data=data).focus(name)


@patient
@given(st.lists(st.sampled_from(["n1", "0", "1", "7", "x", "n99999", ""])))
def test_rows_nobody_offered_break_nothing(keys: list[str]) -> None:
    form = ArgumentsForm(CHAIRS, ORDER, data={"args.lines~rows": ",".join(keys)})
    assert all(line in CHAIRS["lines"] for line in form.args["lines"])


def test_a_key_that_stands_twice_in_json_is_refused():
    form = ArgumentsForm({"amount": 1}, data={"args_json": '{"amount": 1, "amount": 100}'})
    assert not form.is_valid()
    assert form.json_errors == ["The same key stands twice in one object; keep one of them."]
