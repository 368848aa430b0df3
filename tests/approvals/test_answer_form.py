"""A question that says what its answers look like is answered in fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals import masks
from approvals.answer_form import AnswerForm
from approvals.models import Ticket
from tests import factories

SHIPPING = {
    "type": "object",
    "properties": {
        "carrier": {"enum": ["post", "courier"], "title": "Carrier"},
        "days": {"type": "integer", "minimum": 1},
        "note": {"type": "string"},
        "to": {"$ref": "#/$defs/Place"},
    },
    "required": ["carrier", "days"],
    "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
}


def typed(**fields: str) -> dict[str, str]:
    return {f"args.answer.{name}": text for name, text in fields.items()}


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "boolean"}, "1", False),
        ({"type": "string"}, "250", "250"),
        ({"type": "integer"}, "250", 250),
        ({"enum": ["red", "green"]}, "1", "green"),
        ({"type": "array", "items": {"type": "string"}}, "a\nb", ["a", "b"]),
        ({"not": {"type": "null"}}, '{"any": ["json"]}', {"any": ["json"]}),
    ],
)
def test_one_field_stands_for_an_answer_that_is_no_object(schema, text, value):
    form = AnswerForm(schema, data={"args.answer": text})
    assert (form.value, form.all_errors) == (value, [])


def test_each_property_has_a_field_of_its_type():
    form = AnswerForm(SHIPPING, data=typed(carrier="1", days="3", note=""))
    assert form.value == {"carrier": "courier", "days": 3}


def test_what_is_typed_wrongly_is_said_beside_its_field():
    form = AnswerForm(SHIPPING, data=typed(carrier="1", days="three"))
    assert [(label, text) for _, label, text in form.all_errors] == [("Days", "Enter a whole number, such as 250.")]


def test_a_choice_that_is_a_secret_is_shown_by_its_mark_and_taken_as_it_is():
    secret = "ghp_" + "c4N4ry" * 6
    form = AnswerForm({"title": f"Not {secret}", "enum": ["none", secret]}, data={"args.answer": "1"})
    assert form.value == secret
    assert form.root.children[0].choices[1] == ("1", masks.of(secret))
    assert secret not in form.root.children[0].label


@pytest.mark.django_db
def test_what_an_answer_must_be_is_told_in_plain_words_where_it_cannot_be_used(client: Client, cast: Any) -> None:
    schema = {"type": "string", "pattern": "^(?!no)"}
    ticket = factories.open_ticket("ask", allowed_decisions=("respond", "reject"), answer_schema=schema)
    client.force_login(cast["alice"])
    page = client.get(ticket.get_absolute_url()).content.decode()
    assert "the form that an answer must have cannot be used: one of its patterns looks ahead or back" in page
    assert "perl" not in page


@pytest.fixture
def question(cast: Any) -> Ticket:
    return factories.open_ticket(
        "ship", args={"question": "How?"}, allowed_decisions=("respond",), answer_schema=SHIPPING, answer_releases=True
    )


@pytest.fixture
def answer(client: Client, question: Ticket, alice: Any) -> Any:
    """Alice sends the form."""
    client.force_login(alice)

    def answer(**fields: str) -> Any:
        told = {"type": "respond", "digest": question.digest, **typed(**fields)}
        return client.post(f"/tickets/{question.pk}/decisions/", told)

    return answer


@pytest.mark.django_db
def test_the_page_shows_the_fields_and_no_box_for_words(client: Client, question: Ticket, alice: Any) -> None:
    client.force_login(alice)
    page = client.get(question.get_absolute_url()).content.decode()
    assert 'name="args.answer.carrier"' in page and 'name="args.answer.days"' in page
    assert 'id="respond-message"' not in page


@pytest.mark.django_db
def test_the_answer_is_kept_as_the_object_that_was_typed(question: Ticket, answer: Any) -> None:
    assert answer(carrier="0", days="2").status_code == 302
    question.refresh_from_db()
    assert (question.state, question.message) == ("answered", '{"carrier":"post","days":2}')


@pytest.mark.django_db
def test_a_wrong_answer_stays_in_the_form_with_its_sentence(question: Ticket, answer: Any) -> None:
    response = answer(carrier="0", days="0")
    page = response.content.decode()
    assert response.status_code == 422
    assert "must be at least 1" in page and 'value="0"' in page
    question.refresh_from_db()
    assert question.state == "pending"
