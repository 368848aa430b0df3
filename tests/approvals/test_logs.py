"""A line of the log says what it is about, is one line, and tells no secret."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client

from approvals import logs
from hitl_site.timing import Timed

TOKEN = "ghp_" + "a1" * 20


def line(formatter: logging.Formatter, words: str, *args: Any, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    return formatter.format(logging.LogRecord("agents.x", logging.WARNING, __file__, 1, words, args, info))


def told(words: str, *args: Any, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line(logs.JSONLines(), words, *args, **more))
    return found


def test_a_line_for_people_ends_with_what_it_is_about() -> None:
    with logs.about(thread_id="t 1"), logs.about(ticket_id=7):
        assert line(logs.Lines(), "It went on").endswith("WARNING agents.x: It went on [thread_id=t 1 ticket_id=7]")
    assert line(logs.Lines(), "It went on").endswith("It went on")


def test_a_line_for_programs_is_an_object_with_what_it_is_about() -> None:
    with logs.about(thread_id="t1"):
        logs.add(ticket_id=7)
        found = told("Run %s went on", "t1")
    assert (found["level"], found["logger"], found["message"]) == ("warning", "agents.x", "Run t1 went on")
    assert (found["thread_id"], found["ticket_id"], found["at"][-6:]) == ("t1", 7, "+00:00")
    assert "ticket_id" not in told("later")


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\u2028", "\x1b[2J", "\u202e"])
def test_nobody_forges_a_line(sign: str) -> None:
    words = f"from an agent{sign}2026-01-01 INFO approvals: all is well"
    assert len(line(logs.Lines(), "%s", words).splitlines()) == 1
    with logs.about(thread_id=words):
        assert len(line(logs.Lines(), "x").splitlines()) == 1
    assert sign not in line(logs.JSONLines(), "%s", words)


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\u2028", "\x1b[2J", "\u202e"])
def test_no_line_of_what_was_raised_looks_like_one_of_the_log(sign: str) -> None:
    try:
        raise ValueError(f"from an agent{sign}2026-01-01 INFO approvals: all is well")
    except ValueError as error:
        first, *others = line(logs.Lines(), "It failed", error=error).splitlines()
    assert first.endswith("It failed") and len(others) > 3
    assert all(one.startswith("    ") and one.isprintable() for one in others)


@pytest.mark.parametrize("formatter", [logs.Lines(), logs.JSONLines()], ids=["lines", "json"])
def test_no_secret_is_told(formatter: logging.Formatter, settings: Any) -> None:
    settings.COUNTERSIGN_SECRET_FIELDS = ["iban"]
    try:
        raise ValueError(f"refused {TOKEN}, iban=DE89370400440532013000")
    except ValueError as error:
        said = line(formatter, "sent %s, iban=DE89370400440532013000", TOKEN, error=error)
    assert TOKEN not in said and "DE89" not in said


def test_a_request_is_about_the_ticket_of_its_address(rf: Any) -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        timed.process_view(request, answer, (), {"ticket_id": 12, "step": "x"})
        return HttpResponse(line(logs.Lines(), "It was shown"))

    timed = Timed(answer)
    assert timed(rf.get("/tickets/12/")).content.decode().endswith("It was shown [ticket_id=12]")
    assert line(logs.Lines(), "Later").endswith("Later")


def test_that_somebody_may_not_see_a_page_is_one_line(client: Client, erin: Any, caplog: Any) -> None:
    client.force_login(erin)
    assert client.get("/insights/").status_code == 403
    [said] = [record for record in caplog.records if record.name == "django.request"]
    assert (said.getMessage(), said.exc_info) == ("Forbidden (Permission denied): /insights/", None)
