"""Tokens: who gets in, for how long, how often, and what is kept of them."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from approvals import tokens
from approvals.errors import InvalidLifetime
from approvals.models import AuditEntry, Token
from approvals.states import Scope
from tests import factories
from tests.api.programs import Program, code_of
from tests.statements import counted


def created(*words: str) -> str:
    out = StringIO()
    call_command("create_token", *words, stdout=out)
    return out.getvalue().strip()


def test_the_command_prints_a_token_that_works(alice: Any) -> None:
    program = Program(alice, "read")
    program.client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {created('alice', '--scope', 'read')}"
    assert program.get("tickets").status_code == 200


def test_a_secret_is_256_bits_behind_a_mark(alice: Any) -> None:
    secret = created("alice", "--scope", "read")
    assert secret.startswith("cs_")
    assert len(secret) == len("cs_") + 43 + 8


def test_the_database_holds_no_secret(alice: Any) -> None:
    secret = Program(alice, "decide").secret
    row = Token.objects.values().get()
    assert all(secret[len(row["prefix"]) :] not in str(value) for value in row.values())


def test_a_token_lives_90_days_unless_told_otherwise(alice: Any) -> None:
    created("alice", "--scope", "read")
    created("alice", "--scope", "read", "--days", "1")
    short, long = Token.objects.all()
    assert (long.expires_at - long.created_at, short.expires_at - short.created_at) == (
        timedelta(days=90),
        timedelta(days=1),
    )


@pytest.mark.parametrize("days", [0, -1, 91])
def test_no_token_lives_longer_or_not_at_all(alice: Any, days: int) -> None:
    with pytest.raises(InvalidLifetime):
        tokens.create(alice, scope=Scope.READ, actor=alice, days=days)
    assert not Token.objects.exists()


@pytest.mark.parametrize("words", [("nobody", "--scope", "read"), ("alice", "--scope", "read", "--days", "0")])
def test_the_command_refuses_with_a_sentence(alice: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"\.$") as refused:
        created(*words)
    assert refused.value.returncode == 2


def test_a_revoked_token_is_refused_on_the_next_request(alice: Any) -> None:
    program = Program(alice, "read")
    assert program.get("tickets").status_code == 200
    tokens.revoke(program.token.pk, actor=alice)
    assert code_of(program.get("tickets")) == (401, "invalid_token")


def test_an_expired_token_is_refused(alice: Any) -> None:
    program = Program(alice, "read")
    ago = timezone.now() - timedelta(seconds=1)
    with factories.unguarded():
        Token.objects.update(created_at=ago - timedelta(days=1), expires_at=ago)
    assert code_of(program.get("tickets")) == (401, "invalid_token")


def test_the_token_of_somebody_switched_off_is_refused(alice: Any) -> None:
    program = Program(alice, "read")
    alice.is_active = False
    alice.save()
    assert code_of(program.get("tickets")) == (401, "invalid_token")


@pytest.mark.parametrize("said", ["", "Bearer", "Bearer ", "Bearer cs_x", "Basic YTpi", "Bearer cs_\u00e9" + "x" * 60])
def test_what_is_no_token_is_refused_without_asking_the_database(alice: Any, said: str) -> None:
    program = Program(alice, "read")
    program.client.defaults["HTTP_AUTHORIZATION"] = said.encode().decode("latin-1")
    with counted() as statements:
        response = program.get("tickets")
    assert code_of(response) == (401, "invalid_token")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert statements == []


def test_a_wrong_letter_is_found_by_the_checksum(alice: Any) -> None:
    program = Program(alice, "read")
    wrong = "A" if program.secret[20] != "A" else "B"
    program.client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {program.secret[:20]}{wrong}{program.secret[21:]}"
    with counted() as statements:
        assert program.get("tickets").status_code == 401
    assert statements == []


def test_when_it_was_used_is_written_once_a_minute(alice: Any) -> None:
    program = Program(alice, "read")
    program.get("tickets")
    first = Token.objects.get().last_used_at
    program.get("tickets")
    assert first
    assert Token.objects.get().last_used_at == first


def test_more_requests_than_the_rate_are_refused_until_the_next_minute(alice: Any, settings: Any) -> None:
    settings.COUNTERSIGN_API_RATE = 2
    program = Program(alice, "read")
    seen = {program.get("tickets").status_code for _ in range(6)}  # a minute may end meanwhile, once
    assert seen == {200, 429}
    refused = program.get("tickets")
    assert code_of(refused) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_one_token_does_not_use_up_anothers_rate(alice: Any, settings: Any) -> None:
    settings.COUNTERSIGN_API_RATE = 1
    first, second = Program(alice, "read"), Program(alice, "read")
    first.get("tickets")
    assert second.get("tickets").status_code == 200


def test_counting_waits_for_no_disk(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'approvals_tokenuse'")
        assert cursor.fetchone() == ("u",)


def test_what_becomes_of_a_token_is_in_the_record(alice: Any) -> None:
    token, secret = tokens.create(alice, scope=Scope.DECIDE, actor=alice)
    tokens.revoke(token.pk, actor=alice)
    entries = AuditEntry.objects.filter(stream="system/token")
    assert [(entry.type, entry.actor_name) for entry in entries] == [
        ("token.created", "alice"),
        ("token.revoked", "alice"),
    ]
    assert all(secret not in bytes(entry.body).decode() for entry in entries)


def test_revoking_twice_writes_one_entry(alice: Any) -> None:
    token, _ = tokens.create(alice, scope=Scope.READ, actor=alice)
    assert [tokens.revoke(token.pk, actor=alice) for _ in range(2)] == [True, False]
