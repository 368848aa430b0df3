"""An answer is the value that its question takes, or it is refused while the question is still open."""

from __future__ import annotations

import pytest

from approvals import answers
from approvals.errors import InvalidArguments
from approvals.models import Decision
from tests.factories import decide, open_ticket

WHOLE = {"type": "integer"}
DAY = {"type": "object", "properties": {"day": {"enum": ["Mon", "Tue"]}}, "required": ["day"]}


@pytest.mark.parametrize(
    ("words", "schema", "value"),
    [
        ("3", WHOLE, 3),
        ("3", {"type": "string"}, "3"),
        ('"3"', {"type": "string"}, '"3"'),
        ("3", {"enum": ["3", "4"]}, "3"),
        ("yes", {"type": ["boolean", "string"]}, "yes"),
        ("true", {"type": ["boolean", "string"]}, True),
        ('{"day": "Mon"}', DAY, {"day": "Mon"}),
        ("null", {"type": ["null", "string"]}, None),
    ],
)
def test_words_become_the_value_that_fits(words, schema, value):
    assert answers.read(words, schema) == value


@pytest.mark.parametrize("words", ["three", "3.5", "[3", "NaN", "[" * 100_000, '{"n": 3}'])
def test_words_that_do_not_fit_are_refused(words):
    with pytest.raises(InvalidArguments):
        answers.read(words, WHOLE)


@pytest.mark.django_db
class TestTickets:
    @pytest.fixture
    def question(self, cast):
        return open_ticket("which_day", args={"question": "When?"}, answer_schema=DAY, allowed_decisions=("respond",))

    @pytest.mark.parametrize("said", [{"message": '{"day":"Mon"}'}, {"args": {"day": "Mon"}}])
    def test_an_answer_comes_as_words_or_as_fields(self, question, alice, said):
        ticket = decide(question, alice, "respond", **said)
        assert (ticket.state, ticket.message) == ("answered", '{"day":"Mon"}')

    @pytest.mark.parametrize(
        "said",
        [
            {"message": "Monday"},
            {"message": '{"day":"Sun"}'},
            {"args": {"day": "Sun"}},
            {"args": {}},
            {"args": {"day": "Mon"}, "message": "Mon"},
            {"message": " "},
            {},
        ],
    )
    def test_a_wrong_answer_is_refused_and_the_question_stays_open(self, question, alice, said):
        with pytest.raises(InvalidArguments):
            decide(question, alice, "respond", **said)
        question.refresh_from_db()
        assert (question.state, Decision.objects.count()) == ("pending", 0)

    def test_a_question_without_a_schema_takes_fields_too(self, cast, alice):
        ticket = decide(open_ticket("ask", args={"question": "When?"}), alice, "respond", args={"day": "Sun"})
        assert ticket.message == '{"day":"Sun"}'
