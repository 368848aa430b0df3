"""Schemas that come with an action are as hostile as the action: none may hold up a page or a worker."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from approvals import arguments, schemas
from approvals.errors import InvalidArguments

NAIVE = r"^([a-zA-Z0-9]+\.?)+@example\.com$"
HOSTILE = "a" * 60 + "!"


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    """Whatever a schema says, the answer is there soon."""
    began = time.thread_time()
    yield
    assert time.thread_time() - began < 3


def doubling(depth: int) -> dict:
    """References to two alternatives at each level: twice the work, each time."""
    levels = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(depth)}
    return {"$ref": "#/$defs/d0", "$defs": levels | {f"d{depth}": {"type": "string"}}}


def refused(args: dict, schema: dict) -> str:
    with pytest.raises(InvalidArguments) as found:
        arguments.check_schema(args, schema)
    return "; ".join(error["message"] for error in found.value.errors)


def test_a_naive_pattern_and_a_hostile_text_are_answered_at_once():
    schema = {"properties": {"to": {"type": "string", "pattern": NAIVE}}}
    assert "does not have the form" in refused({"to": HOSTILE}, schema)
    arguments.check_schema({"to": "bob.smith@example.com"}, schema)


def test_names_are_matched_as_safely_as_values():
    schema = {"patternProperties": {"^(a+)+$": {"type": "integer"}}, "additionalProperties": False}
    assert HOSTILE in refused({HOSTILE: 1}, schema)
    assert "must be a whole number" in refused({"aaa": "x"}, schema)
    arguments.check_schema({"aaa": 1}, schema)


@pytest.mark.parametrize(
    "draft", ["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema"]
)
def test_a_reference_to_the_root_keeps_the_bounds_of_every_draft(draft):
    schema = {"$schema": draft, "properties": {"next": {"$ref": "#"}, "to": {"pattern": NAIVE}}}
    assert "does not have the form" in refused({"next": {"to": HOSTILE}}, schema)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": {"to": {"pattern": "(?=a)b"}}}, "“(?=a)b” looks ahead or back"),
        ({"properties": {"to": {"pattern": r"(.)\1"}}}, "a group seen again"),
        ({"$defs": {"d": {"$schema": "http://json-schema.org/draft-07/schema#"}}}, "another version of JSON Schema"),
        (
            {"unevaluatedProperties": False, "patternProperties": {"a": True}},
            "cannot be checked together",
        ),
        ({"description": "x" * 70_000}, "larger than 64 KiB"),
        ({"properties": {"to": 5}}, "cannot be used"),
    ],
)
def test_what_cannot_be_checked_refuses_everything(schema, why):
    assert why in refused({"to": "x"}, schema)


def test_people_are_told_why_a_schema_was_put_aside_without_its_pattern():
    kept = schemas.kept({"properties": {"to": {"pattern": "(?=”\n)b"}}})
    told = schemas.put_aside(kept)
    assert "cannot be used: one of its patterns looks ahead or back" in told and "(?=" not in told


def test_a_schema_that_is_too_deep_refuses_everything():
    schema: dict = {}
    for _ in range(40):
        schema = {"not": schema}
    assert "32 levels deep" in refused({}, schema)


def test_alternatives_that_double_at_each_level_end_at_the_time_limit():
    assert "takes too long" in refused({"x": 1}, doubling(30))


def test_a_recursive_schema_ends_at_the_time_limit():
    node = {"properties": {"n": {"anyOf": [{"$ref": "#/$defs/node"}] * 2}, "end": {"type": "string"}}}
    args: dict = {"end": 1}
    for _ in range(30):
        args = {"n": args}
    assert "takes too long" in refused(args, {"$ref": "#/$defs/node", "$defs": {"node": node}})


def test_items_are_compared_in_one_pass():
    items = [x for n in range(20_000) for x in (n, str(n))]
    arguments.check_schema({"l": items}, {"properties": {"l": {"uniqueItems": True}}})
    assert "no item twice" in refused({"l": [[1], {}, [1]]}, {"properties": {"l": {"uniqueItems": True}}})


def test_a_ticket_keeps_a_good_schema_and_of_another_only_what_is_wrong_with_it():
    good = {"properties": {"n": {"maximum": 2**63 - 1, "pattern": r"^[\u0041-Z]+$"}}}
    assert schemas.kept(good) is good
    assert schemas.kept(None) is None
    kept = schemas.kept({"description": "x" * 70_000})
    assert kept == {schemas.UNUSABLE: "it is larger than 64 KiB"}
    assert "larger than 64 KiB" in refused({}, kept)
