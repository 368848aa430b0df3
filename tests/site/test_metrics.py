"""Figures are for this machine, for staff, and for who knows the token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.utils import timezone

from approvals import tickets
from approvals.states import Execution
from hitl_site import environment
from tests import factories

FAR = {"REMOTE_ADDR": "10.0.0.9"}


def status(client: Client, *, host: str = "localhost", **more: Any) -> int:
    return client.get("/metrics", headers={"Host": host, **more.pop("headers", {})}, **more).status_code


def test_this_machine_may_read(client: Client, db: None) -> None:
    assert status(client) == 200


def test_another_machine_may_not(client: Client, db: None) -> None:
    answer = client.get("/metrics", **FAR)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP"])
def test_what_a_proxy_here_passes_on_is_not_this_machine(client: Client, db: None, header: str) -> None:
    assert status(client, headers={header: "10.0.0.9"}) == 401


def test_public_name_is_not_this_machine(client: Client, db: None, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["approvals.example.com"]
    assert status(client, host="approvals.example.com") == 401


def test_staff_may_read_and_others_may_not(client: Client, admin: Any, alice: Any) -> None:
    client.force_login(alice)
    assert status(client, **FAR) == 403
    client.force_login(admin)
    assert status(client, **FAR) == 200


@pytest.mark.parametrize(("told", "expected"), [("Bearer " + "t" * 20, 200), ("Bearer t", 401), ("Bearer ü", 401)])
def test_bearer_of_the_token_may_read(client: Client, db: None, settings: Any, told: str, expected: int) -> None:
    settings.COUNTERSIGN_METRICS_TOKEN = "t" * 20
    assert status(client, headers={"Authorization": told}, **FAR) == expected


def test_no_token_is_nobody_s_token(client: Client, db: None) -> None:
    assert status(client, headers={"Authorization": "Bearer "}, **FAR) == 401


def test_token_that_can_be_guessed_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_METRICS_TOKEN", "short")
    with pytest.raises(ImproperlyConfigured, match="COUNTERSIGN_METRICS_TOKEN must have at least 16"):
        environment.secret("COUNTERSIGN_METRICS_TOKEN")


COUNTED = ("ticket.opened", "decision.recorded", "ticket.approved", "ticket.delivered", "execution.failed")


def figures(client: Client) -> dict[str, float]:
    lines = client.get("/metrics", headers={"Host": "localhost"}).content.decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def test_what_waits_and_what_is_late_is_counted(client: Client, cast: Any) -> None:
    ticket = factories.open_ticket()
    factories.force([ticket], opened_at=timezone.now() - timedelta(hours=2))
    told = figures(client)
    assert told['countersign_tickets{state="pending"}'] == 1
    assert 7_200 <= told["countersign_oldest_pending_seconds"] < 7_300
    assert told["countersign_unknown_effects"] == 0
    assert told["countersign_seal_lag_seconds"] >= 0
    assert (told["countersign_sockets"], told["countersign_workers"]) == (0, 0)


def test_a_job_whose_worker_has_gone_is_stalled(client: Client, db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
            " VALUES ('q', 'x', 'doing'), ('q', 'y', 'todo')"
        )
    told = figures(client)
    jobs = {name: told[f'countersign_jobs{{status="{name}"}}'] for name in ("doing", "todo")}
    assert (jobs, told["countersign_stalled_jobs"]) == ({"doing": 1, "todo": 1}, 1)


def test_entries_are_counted_once_when_they_are_a_minute_old(
    client: Client, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hitl_site import figures as module

    tally = module._Entries()
    monkeypatch.setattr(module, "SETTLED", timedelta(0))
    before = tally.by_type().get("ticket.opened", 0)
    factories.open_ticket()
    assert [tally.by_type()["ticket.opened"] for _ in range(2)] == [before + 1] * 2
    monkeypatch.setattr(module, "SETTLED", timedelta(minutes=1))
    factories.open_ticket()
    assert tally.by_type()["ticket.opened"] == before + 1


def test_what_people_decide_what_became_of_it_and_how_long_agents_waited_is_counted(
    client: Client, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hitl_site import figures as module

    monkeypatch.setattr(module, "SETTLED", timedelta(0))
    before = figures(client)
    factories.make_policy(requirements={"reviewers": 1})
    ticket = factories.decide(factories.open_ticket(), cast["alice"])
    earlier = timezone.now() - timedelta(seconds=20)
    factories.force([ticket], resolved_at=earlier, release_at=earlier)
    factories.claim(ticket)
    tickets.record_execution(ticket.pk, execution=Execution.FAILED, error="No such payee.")
    told = figures(client)
    names = [f'countersign_entries_total{{type="{kind}"}}' for kind in COUNTED]
    names += [f"countersign_delivery_seconds_{part}" for part in ('bucket{le="30.0"}', 'bucket{le="+Inf"}', "count")]
    assert [told[name] - before.get(name, 0) for name in names] == [1] * len(names)
    quick = 'countersign_delivery_seconds_bucket{le="10.0"}'
    assert told[quick] == before[quick]
    assert 20 <= told["countersign_delivery_seconds_sum"] - before["countersign_delivery_seconds_sum"] < 30


def test_requests_are_timed_by_view_and_never_by_address(client: Client, alice: Any) -> None:
    client.force_login(alice)
    client.get("/nowhere/made-up/")
    client.get("/settings/")
    told = figures(client)
    assert told['countersign_request_seconds_count{answer="2xx",method="GET",view="approvals:settings"}'] >= 1
    assert not [name for name in told if "made-up" in name]


def test_a_scrape_asks_as_much_of_a_full_database(
    client: Client, cast: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        factories.open_ticket()
    with django_assert_max_num_queries(15):
        figures(client)
