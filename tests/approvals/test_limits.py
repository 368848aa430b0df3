"""What a schema asks of a value, beside its field: in the right number, and once."""

from __future__ import annotations

from typing import Any

import pytest

from approvals import fields, limits


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"minLength": 1}, "At least 1 character"),
        ({"minLength": 2, "maxLength": 40}, "At least 2 characters, at most 40 characters"),
        ({"maxItems": 1, "uniqueItems": True}, "At most 1 item, no item twice"),
        ({"minimum": 1, "maximum": 1000}, "At least 1, at most 1,000"),
        ({"format": "email"}, "An e-mail address"),
        ({"minLength": 0}, ""),
        ({"pattern": "^R-[0-9]+$", "examples": ["R-7"]}, "Such as R-7"),
        ({"pattern": "^R-[0-9]+$", "maxLength": 9}, "At most 9 characters"),
    ],
)
def test_limits_are_said_in_the_right_number(schema: dict[str, Any], words: str) -> None:
    assert limits.said(schema) == words


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ("must be at least 1", "At most 12"),
        ("Chairs, at most 12.", "At least 1"),
        ("At least 1, at most 12.", ""),
        ("must be at least 10", "At least 1, at most 12"),
        ("at most 12.5 for each", "At least 1, at most 12"),
        ("at most 12,000 for each", "At least 1, at most 12"),
    ],
)
def test_a_limit_that_stands_beside_it_is_not_said_again(beside: str, words: str) -> None:
    assert limits.said({"minimum": 1, "maximum": 12}, beside=[beside]) == words


def test_an_error_takes_the_place_of_the_limit_that_it_names() -> None:
    schema = {"properties": {"count": {"type": "integer", "minimum": 1, "maximum": 12, "description": "Of chairs."}}}
    root = fields.of({"count": 0}, schema)
    assert root.children[0].limits == "At least 1, at most 12"
    fields.place(root, ["count"], "must be at least 1")
    assert root.children[0].limits == "At most 12"
