"""What is wrong with arguments, said for people."""

from __future__ import annotations

import pytest

from approvals import arguments
from approvals.errors import InvalidArguments


@pytest.mark.parametrize(
    ("schema", "value", "sentence"),
    [
        ({"type": "integer"}, "many", "must be a whole number"),
        ({"type": ["string", "null"]}, 1, "must be text or null"),
        ({"exclusiveMinimum": 0}, -5, "must be more than 0"),
        ({"enum": ["post", "courier"]}, "pigeon", 'must be one of "post", "courier"'),
        ({"minLength": 3}, "ab", "must have at least 3 characters"),
        ({"minLength": 1}, "", "must have at least 1 character"),
        ({"maxItems": 1}, [1, 2], "must have at most 1 item"),
        ({"maximum": 1000}, 2000, "must be at most 1,000"),
        ({"format": "date"}, "soon", "must be a date, such as 2026-03-31"),
        ({"pattern": "^[a-z]+$"}, "A", "does not have the form that is asked for"),
        (
            {"pattern": "^R-[0-9]+$", "title": "Report", "examples": [7, "x" * 61, "R-7", "R-8"]},
            "A",
            "does not have the form that is asked for, such as R-7",
        ),
        (
            {"pattern": "^R", "title": "Report", "examples": 7},
            "A",
            "does not have the form that is asked for (Report)",
        ),
        ({"required": ["to"]}, {}, "“to” is missing"),
        ({"const": True}, False, "must be true"),
    ],
)
def test_each_rule_has_its_words(schema, value, sentence):
    with pytest.raises(InvalidArguments) as refused:
        arguments.check_schema(value, schema)
    assert refused.value.errors[0]["message"] == sentence
