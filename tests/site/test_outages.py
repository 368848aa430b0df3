"""What the log says of an outage."""

from __future__ import annotations

import logging
import time

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from hitl_site.outages import SaidOnce


@pytest.fixture
def said():
    """Which records pass a filter such as the log of requests has."""
    installed, *_ = (one for one in logging.getLogger("django.request").filters if isinstance(one, SaidOnce))
    once = type(installed)()

    def passed(status, error=None):
        info = (type(error), error, None) if error else None
        record = logging.LogRecord("django.request", logging.ERROR, "", 0, "failed", None, info)
        record.status_code, record.request = status, RequestFactory().get("/")
        return bool(once.filter(record))

    return passed


def test_a_thousand_requests_without_a_database_are_one_traceback(said):
    away = OperationalError("couldn't get a connection")
    assert sum(said(503, away) for _ in range(1_000)) == 1


def test_a_mistake_of_ours_is_always_told(said):
    assert [said(500, ValueError("no")) for _ in range(3)] == [True] * 3


def test_the_next_minute_says_again_that_the_database_is_still_away(said, monkeypatch):
    assert said(503)
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert said(503)
