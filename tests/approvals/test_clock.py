"""The clock that pages go by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from approvals import clock
from approvals.templatetags.countersign import until


@pytest.fixture
def an_hour_ahead(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The database's clock, which is not this process's."""
    monkeypatch.setattr(clock, "_known", None)
    there = timezone.now() + timedelta(hours=1)
    clock.set_by(there)
    return there


def test_it_goes_on_from_what_the_database_said(an_hour_ahead: datetime) -> None:
    first, second = clock.now(), clock.now()
    assert an_hour_ahead <= first <= second < an_hour_ahead + timedelta(seconds=10)


def test_a_page_counts_by_it(an_hour_ahead: datetime) -> None:
    assert until(an_hour_ahead + timedelta(minutes=10, seconds=-1)) == "in 9 min"


def test_before_the_first_connection_it_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_known", None)
    assert abs(clock.now() - timezone.now()) < timedelta(seconds=1)


@pytest.mark.django_db
def test_each_new_connection_says_what_time_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_known", (datetime(2001, 1, 1, tzinfo=UTC), 0.0))
    with psycopg.connect(**connection.get_connection_params()) as fresh:
        connection._configure_connection(fresh)
    assert abs(clock.now() - timezone.now()) < timedelta(minutes=1)
