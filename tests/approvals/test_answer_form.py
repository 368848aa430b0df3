"""A question that says what its answers look like is answered in fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

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
