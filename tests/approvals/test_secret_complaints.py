"""Whatever rule of a schema is broken, the complaint tells nobody a secret: on no page, in no form, over no API."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from django.test import Client

from approvals import masks
from approvals.models import AuditEntry, Ticket
from tests import factories
from tests.api.programs import Program

CANARY = "hunter2-canary"
KEY = "ghp_" + "c4N4ry" * 6
ARGS = {"user": "robert", "password": CANARY, "list": [{"password": CANARY}] * 2, "note": KEY, "amount": 5, "pin": 4711}

#: A rule that ARGS break, for each keyword that can be broken.
BROKEN: dict[str, dict[str, Any]] = {
    "$ref": {"$defs": {"never": {"not": {}}}, "properties": {"password": {"$ref": "#/$defs/never"}}},
    "$dynamicRef": {"$defs": {"never": {"$dynamicAnchor": "n", "not": {}}}, "$dynamicRef": "#n"},
    "additionalProperties": {"properties": {"user": True}, "additionalProperties": False},
    "allOf": {"allOf": [{"properties": {"password": {"not": {}}}}]},
    "anyOf": {"anyOf": [{"required": ["x"]}, {"required": ["y"]}]},
    "const": {"properties": {"password": {"const": f"{CANARY}?"}, "note": {"const": f"{KEY} ?"}}},
    "contains": {"properties": {"list": {"contains": {"type": "number"}}}},
    "dependentRequired": {"dependentRequired": {"password": ["other"]}},
    "dependentSchemas": {"dependentSchemas": {"password": {"maxProperties": 1}}},
    "enum": {"properties": {"password": {"enum": [f"{CANARY}?"]}, "note": {"enum": [f"{KEY} ?"]}}},
    "exclusiveMaximum": {"properties": {"amount": {"exclusiveMaximum": 5}, "pin": {"exclusiveMaximum": 4711}}},
    "exclusiveMinimum": {"properties": {"amount": {"exclusiveMinimum": 5}, "pin": {"exclusiveMinimum": 4711}}},
    "format": {"properties": {"password": {"format": "email"}, "note": {"format": "date"}}},
    "if": {"if": {"required": ["password"]}, "then": {"minProperties": 9}},
    "items": {"properties": {"list": {"items": False}}},
    "maxItems": {"properties": {"list": {"maxItems": 0}}},
    "maximum": {"properties": {"pin": {"maximum": 4710}}},
    "maxLength": {"properties": {"password": {"maxLength": 1}, "note": {"maxLength": 1}}},
    "maxProperties": {"maxProperties": 1},
    "minItems": {"properties": {"list": {"minItems": 9}}},
    "minimum": {"properties": {"pin": {"minimum": 4712}}},
    "minLength": {"properties": {"password": {"minLength": 99}, "note": {"minLength": 99}}},
    "minProperties": {"minProperties": 9},
    "multipleOf": {"properties": {"pin": {"multipleOf": 47110}}},
    "not": {"properties": {"password": {"not": {"minLength": 3}}, "note": {"not": {}}}},
    "oneOf": {"properties": {"password": {"oneOf": [{"type": "string"}, {"minLength": 1}]}}},
    "pattern": {
        "properties": {
            "password": {"pattern": f"^{CANARY}x$", "examples": [f"{CANARY}x"]},
            "note": {"pattern": f"^{KEY}$x", "examples": [f"{KEY} x"]},
        }
    },
    "patternProperties": {"patternProperties": {"^p": {"type": "integer"}}},
    "prefixItems": {"properties": {"list": {"prefixItems": [{"not": {"required": ["password"]}}]}}},
    "properties": {"properties": {"password": False, "note": False}},
    "propertyNames": {"propertyNames": {"maxLength": 2}},
    "required": {"required": ["missing"]},
    "type": {"properties": {"password": {"type": "integer"}, "note": {"type": "integer"}}},
    "unevaluatedItems": {"properties": {"list": {"unevaluatedItems": False}}},
    "unevaluatedProperties": {"unevaluatedProperties": False},
    "uniqueItems": {"properties": {"list": {"uniqueItems": True}}},
}


def assert_hidden(words: str) -> None:
    assert CANARY not in words
    assert KEY not in words
    assert "4,711" not in words and "4,710" not in words and "4,712" not in words and "47,110" not in words


def opened(schema: dict[str, Any], dave: Any) -> Ticket:
    return factories.open_ticket(args=ARGS, args_schema={"type": "object", **schema}, requester=dave)


def test_each_keyword_of_a_schema_is_broken_here() -> None:
    assert set(jsonschema.Draft202012Validator.VALIDATORS) == set(BROKEN)


@pytest.mark.parametrize("keyword", BROKEN)
def test_the_page_says_that_it_does_not_fit_and_no_secret(
    client: Client, transfers: Any, dave: Any, alice: Any, admin: Any, keyword: str
) -> None:
    ticket = opened(BROKEN[keyword], dave)
    for reader in (alice, dave, admin):
        client.force_login(reader)
        page = client.get(ticket.get_absolute_url()).content.decode()
        assert "Does not fit the action’s schema" in page
        assert_hidden(page)


@pytest.mark.parametrize("keyword", BROKEN)
def test_a_refused_edit_says_no_secret_to_who_may_decide_and_to_who_may_not(
    client: Client, transfers: Any, dave: Any, alice: Any, admin: Any, keyword: str
) -> None:
    ticket = opened(BROKEN[keyword], dave)
    typed = json.dumps(masks.value({**ARGS, "user": "x"}))
    for reader, status in ((alice, 422), (dave, 403), (admin, 403)):
        client.force_login(reader)
        for where in ("edit", "decisions"):
            posted = {"type": "edit", "digest": ticket.digest, "args_json": typed}
            response = client.post(f"{ticket.get_absolute_url()}{where}/", posted)
            assert response.status_code == status
            assert_hidden(response.content.decode())
    assert not AuditEntry.objects.filter(ticket=ticket, type="secret.revealed").exists()


@pytest.mark.parametrize("keyword", BROKEN)
def test_a_refusal_over_the_api_says_no_secret(transfers: Any, dave: Any, alice: Any, keyword: str) -> None:
    ticket = opened(BROKEN[keyword], dave)
    edited = {"type": "edit", "digest": ticket.digest, "args": masks.value({**ARGS, "user": "x"})}
    response = Program(alice, "decide").post(f"tickets/{ticket.pk}/decisions", edited)
    assert response.status_code == 422
    assert_hidden(response.content.decode())


def test_who_may_not_decide_is_not_told_what_is_wrong_with_an_edit(client: Client, transfers: Any, dave: Any) -> None:
    ticket = opened({"properties": {"user": {"enum": ["robert"]}}}, dave)
    client.force_login(dave)
    posted = {"type": "edit", "digest": ticket.digest, "args_json": json.dumps({"user": "x"})}
    response = client.post(f"{ticket.get_absolute_url()}decisions/", posted)
    assert response.status_code == 403
    assert "must be one of" not in response.content.decode()


def test_a_hidden_character_in_a_complaint_is_shown_by_its_number(client: Client, transfers: Any, alice: Any) -> None:
    ticket = factories.open_ticket(args={"to": "x"}, args_schema={"properties": {"to": {"enum": ["bob\u202egro"]}}})
    client.force_login(alice)
    posted = {"type": "edit", "digest": ticket.digest, "args_json": json.dumps({"to": "y"})}
    page = client.post(f"{ticket.get_absolute_url()}edit/", posted).content.decode()
    assert "bob⟨U+202E⟩gro" in page
    assert "\u202e" not in page
