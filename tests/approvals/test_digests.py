"""Canonical bytes and the digests made from them."""

from __future__ import annotations

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
