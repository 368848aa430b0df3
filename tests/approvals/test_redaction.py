"""Secrets are recognised by the names of fields and by how they look; everything else stays as it is."""

from __future__ import annotations

import time

import pytest

from approvals import redaction
from approvals.redaction import REDACTED


@pytest.mark.parametrize(
    "name",
    [
        *("password", "db_password", "apiKey", "API_KEY", "api-key", "accessToken", "client_secret", "Authorization"),
        *("pin", "password1", "passwords", "tokens", "secrets", "api_keys", "password_confirm", "passwordHash", "otp"),
        *(
            "private_key_pem",
            "clientSecretValue",
            "db_pass",
            "PGPASSWORD",
            "access_tokens",
            "ＰＡＳＳＷＯＲＤ",
            "cookies",
        ),
    ],
)
def test_a_field_with_such_a_name_is_redacted(name: str) -> None:
    assert redaction.redacted({"to": "ana", "with": [{name: "hunter2"}]}) == {"to": "ana", "with": [{name: REDACTED}]}


@pytest.mark.parametrize(
    "name",
    [
        *("amount", "max_tokens", "passenger", "author", "pinned", "secretary", "keyboard", "token_count", "passport"),
        *("tokenizer", "first_pass", "bypass", "password_policy", "public_key", "secret_santa", "token_type", "pins"),
    ],
)
def test_a_field_with_another_name_is_not(name: str) -> None:
    assert redaction.redacted({name: "hunter2"}) == {name: "hunter2"}


@pytest.mark.parametrize("found", [512, "512", "4,096", [1, 2], {"input": 12}], ids=str)
def test_how_many_tokens_stays(found: object) -> None:
    assert redaction.redacted({"tokens": found}) == {"tokens": found}


@pytest.mark.parametrize(
    "secret",
    [
        "glpat-" + "a1b2" * 5,
        "sk_live_" + "a1b2" * 6,
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 18,
        "xoxb-" + "1234567890-abcdef",
        "sk-" + "a1b2" * 8,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIB",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQdG\n-----END PGP PRIVATE KEY BLOCK-----",
        "npm_" + "a1b2" * 9,
        "hf_" + "aBcD" * 8,
        "dop_v1_" + "a1b2" * 16,
        "pypi-AgEIcHlwaS5vcmc" + "a1b2" * 8,
        "xapp-1-A1B2-1234567890-abcdef",
        "SG." + "a1" * 11 + "." + "b" * 43,
    ],
)
def test_what_looks_like_a_secret_is_redacted_in_any_field(secret: str) -> None:
    assert redaction.redacted({"body": f"Use {secret} please"})["body"].startswith(f"Use {REDACTED}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("host=db password=hunter2 user=ana", "host=db password=[redacted] user=ana"),
        ('{"api_key": "hunter2", "to": "ana"}', '{"api_key": "[redacted]", "to": "ana"}'),
        ("DB_PASSWORD='two words' run", "DB_PASSWORD='[redacted]' run"),
        ("X-Api-Key: hunter2", "X-Api-Key: [redacted]"),
        ("https://x.example/?access_token=hunter2&page=2", "https://x.example/?access_token=[redacted]&page=2"),
        ("db:\n  user: ana\n  password: correct\n", "db:\n  user: ana\n  password: [redacted]\n"),
        ("sign in as ana, password: hunter22, today", "sign in as ana, password: [redacted], today"),
        ('{"body": "set password=hunter2 and go"}', '{"body": "set password=[redacted] and go"}'),
        ("- secret: 'two words'", "- secret: '[redacted]'"),
        ("BEARER abcdefgh12345", "BEARER [redacted]"),
        ("redis://:hunter2@cache:6379/0", "redis://[redacted]@cache:6379/0"),
        ("AccountName=ana;AccountKey=abcd1234==;x=y", "AccountName=ana;AccountKey=[redacted];x=y"),
        (
            '{\\"to\\": \\"ana\\", \\"password\\": \\"hunter2\\"}',
            '{\\"to\\": \\"ana\\", \\"password\\": \\"[redacted]\\"}',
        ),
        (
            r'{"a": "{\"b\": \"{\\\"token\\\":\\\"abc\\\"}\"}"}',
            r'{"a": "{\"b\": \"{\\\"token\\\":\\\"[redacted]\\\"}\"}"}',
        ),
        (r'{"password": "abc\"def", "to": "ana"}', '{"password": "[redacted]", "to": "ana"}'),
    ],
)
def test_a_named_secret_inside_a_text_is_redacted(words: str, told: str) -> None:
    assert redaction.text(words) == told
    assert redaction.text(told) == told


@pytest.mark.parametrize(
    "words",
    [
        *("amount=2500", "author=james", '{"password": null}', "money: 250, to: bob", "the token=eth", "key: value"),
        *("Password: must have 12 signs", "password: required", "tokens: 4096", "max_tokens=100000", '"tokens": 5120'),
        *("His secret: nobody knew", "token_count: 12ab34", "secretary: james007", "Authorization: needed by Friday"),
    ],
)
def test_words_that_name_no_secret_stay(words: str) -> None:
    assert redaction.text(words) == words


def test_everything_inside_a_secret_field_is_redacted() -> None:
    told = redaction.redacted({"credentials": {"user": "ana", "codes": ["a", 7], "on": True}})
    assert told == {"credentials": {"user": REDACTED, "codes": [REDACTED, REDACTED], "on": True}}


def test_what_stands_beside_a_secret_stays() -> None:
    told = "curl -H 'Authorization: Bearer abcdefgh12345' https://ana:hunter2@example.com/x"
    assert redaction.text(told) == f"curl -H 'Authorization: Bearer {REDACTED}' https://{REDACTED}@example.com/x"


def test_flags_numbers_and_nothing_stay() -> None:
    value = {"password": None, "token": True, "api_key": "", "amount": 250, "note": "no secret"}
    assert redaction.redacted(value) == value


def test_a_long_hostile_text_is_looked_through_quickly() -> None:
    began = time.perf_counter()
    redaction.text("eyJ" * 100_000 + "-----BEGIN PRIVATE KEY-----" * 10_000 + "://a:" * 50_000)
    for words in ("a: \\" * 100_000, "password: " + "\\" * 200_000, "a" * 300_000 + ": ", "token: abcd " * 25_000):
        redaction.text(words)
    for words in ("a_" * 150_000 + "=", "password='" * 30_000, 'api_key": "' * 30_000, '"token"     :' * 30_000):
        redaction.text(words)
    assert time.perf_counter() - began < 5
