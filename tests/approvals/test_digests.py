"""Canonical bytes and the digests made from them."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import digests

text = st.text(st.characters(exclude_categories=("Cs",)))
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15) | text
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(text, v, max_size=4), max_leaves=12)
shown = {"graph": "g", "thread_id": "t", "action": "a", "number": 1}


@given(values)
def test_canonical_bytes_mean_the_same_value(value):
    assert json.loads(digests.canonical(value)) == value


@given(st.dictionaries(text, values, max_size=5))
def test_the_order_of_keys_does_not_change_the_digest(args):
    turned = dict(reversed(args.items()))
    assert digests.of_revision(args=args, **shown) == digests.of_revision(args=turned, **shown)


@given(st.dictionaries(text, values), st.dictionaries(text, values))
def test_other_arguments_have_another_digest(one, two):
    same = digests.canonical(one) == digests.canonical(two)
    assert (digests.of_revision(args=one, **shown) == digests.of_revision(args=two, **shown)) == same


@pytest.mark.parametrize("field", list(shown))
def test_every_part_of_what_was_shown_is_bound(field):
    other = {**shown, field: 2 if field == "number" else "other"}
    assert digests.of_revision(args={}, **shown) != digests.of_revision(args={}, **other)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800", {1: 2}])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(digests.NotCanonical):
        digests.canonical(value)


def test_what_has_no_canonical_form_is_said_with_the_reason():
    with pytest.raises(digests.NotCanonical, match=r"^The value has no canonical JSON form: .*\d"):
        digests.canonical(2**53)


def test_what_is_nested_too_deeply_is_refused():
    value: list = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(digests.NotCanonical):
        digests.canonical(value)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_of_a_revision_is_what_anybody_can_work_out():
    body = '{"action":"a","args":{"to":"bob"},"graph":"g","revision":1,"thread_id":"t"}'
    assert digests.of_revision(args={"to": "bob"}, **shown) == sha256(body)


def test_the_digest_of_an_action_is_what_anybody_can_work_out():
    body = '{"action":"a","args":{"to":"bob"},"graph":"g"}'
    assert digests.of_action(graph="g", action="a", args={"to": "bob"}) == sha256(body)


def test_an_entry_is_hashed_as_a_leaf_over_what_came_before():
    entry = digests.of_entry(prev=b"before", body=b"{}")
    assert entry == hashlib.sha256(b"\x00before{}").digest()


@pytest.mark.parametrize(("left", "right"), [(1, 1.0), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ([], [])])
def test_the_same_json_value_is_alike(left, right):
    assert digests.alike(left, right)


@pytest.mark.parametrize(("left", "right"), [(1, True), (0, False), ([1, 2], [2, 1]), ("1", 1), (None, {})])
def test_other_json_values_are_not_alike(left, right):
    assert not digests.alike(left, right)


def test_what_has_no_canonical_form_is_like_nothing():
    assert digests.alike(2**53, 2**53) is False


def test_digests_are_the_same_only_where_every_digit_is():
    assert digests.same("ab", "ab")
    assert not digests.same("ab", "ac")
    assert not digests.same("ab", "ä")


def test_the_digest_of_a_value_is_what_anybody_can_work_out():
    assert digests.of_json({"b": 1, "a": []}) == hashlib.sha256(b'{"a":[],"b":1}').hexdigest()


@pytest.mark.parametrize(("left", "right"), [("\ud800", "a"), ("a", "\ud800"), ("\ud800", "\ud801")])
def test_half_a_character_is_the_same_as_nothing_else(left, right):
    assert not digests.same(left, right)
    assert digests.same("\ud800", "\ud800")


def test_the_hash_of_a_payload_is_over_salt_and_body():
    assert digests.of_payload(salt=b"s", body=b"{}") == hashlib.sha256(b"s{}").hexdigest()
