"""Ten approvals without a look are spoken of, to that person alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from approvals import pace
from tests import factories

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def streak(seconds: float, count: int = 10, kind: str = "approve") -> list[tuple[str, datetime]]:
    """Words so many seconds apart, the newest first."""
    return [(kind, NOW - timedelta(seconds=seconds * n)) for n in range(count)]


@pytest.mark.parametrize(
    ("said", "fast"),
    [
        (streak(2), True),
        (streak(3), False),
        (streak(2, count=9), False),
        (streak(2, kind="reject"), False),
        ([*streak(2, count=9), ("approve", NOW - timedelta(hours=1))], True),
        ([], False),
    ],
)
def test_ten_approvals_faster_than_reading_are_a_streak(said: list[tuple[str, datetime]], fast: bool) -> None:
    assert pace.is_fast(said, now=NOW) is fast


def test_a_streak_that_is_over_is_not_spoken_of() -> None:
    assert not pace.is_fast(streak(1), now=NOW + timedelta(minutes=6))


def test_the_inbox_tells_the_person_and_nobody_else(client: Client, alice: Any, bob: Any) -> None:
    for _ in range(10):
        factories.decide(factories.open_ticket("send_email"), alice)
    client.force_login(alice)
    page = client.get("/").content.decode()
    assert "You have decided 10 in the last hour." in page and "Want to slow down" in page
    client.force_login(bob)
    assert "Want to slow down" not in client.get("/").content.decode()
