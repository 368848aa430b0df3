"""Whatever strangers say becomes what Postgres keeps."""

from __future__ import annotations

import json
from datetime import date

import pytest

from approvals import plaintext, proposals
from tests.factories import propose


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (date(2026, 1, 1), "2026-01-01"),
        ({1: ("a\0", None, True, 2.5)}, {"1": ["a\ufffd", None, True, 2.5]}),
    ],
)
def test_what_json_cannot_say_is_text(said, kept):
    assert plaintext.json(said) == kept


def test_what_is_nested_too_deep_is_left_out():
    deep = "x"
    for _ in range(5000):
        deep = [deep]
    assert plaintext.LEFT_OUT in json.dumps(plaintext.json(deep), ensure_ascii=False)


def test_the_arguments_are_never_changed():
    args = {"score": float("nan"), "when": date(2026, 1, 1)}
    assert proposals.plain(propose(args=args)).args is args


@pytest.mark.parametrize("confidence", [float("nan"), 2, -1, True, "high", 10**400])
def test_a_confidence_that_is_none_is_dropped(confidence):
    assert proposals.plain(propose(confidence=confidence)).confidence is None
