"""The whole way, with real processes: agents pause, everything is killed and started again, people decide
over HTTP as browsers without JavaScript do, and the graphs go on from where they stood."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from hitl_site import postgres
from tests.test_up import ROOT, Up, surroundings

PASSWORD = "correct horse battery staple"


#: People and their policies, then one run for each message, in one process: importing is most of what each would take.
ASK = """
import sys
import django
django.setup()
from django.core.management import call_command
call_command("seed_demo", "--people", verbosity=0)
for message in sys.argv[1:]:
    try:
        call_command("run_agent", "operations", "--message", message, "--requester", "dave", "--json")
    except SystemExit as end:
        assert not end.code, message
"""


def start(home: Path) -> Up:
    # What the demo asks for besides is tested elsewhere, and takes a minute of a processor.
    return Up(home, "--no-demo", COUNTERSIGN_DEMO_PASSWORD=PASSWORD).wait_until_ready()


def kill_everything(up: Up) -> None:
    family = [psutil.Process(up.process.pid), *up.family()]
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)
    up.close()


def ask(home: Path, *messages: str) -> list[tuple[str, int]]:
    """Start runs as Dave in a process that ends before anybody answers; their threads and their tickets."""
    surrounded = surroundings(home, COUNTERSIGN_DEMO_PASSWORD=PASSWORD, DJANGO_SETTINGS_MODULE="hitl_site.settings")
    command = [sys.executable, "-c", ASK, *messages]
    asked = subprocess.run(command, cwd=ROOT, env=surrounded, capture_output=True, text=True, timeout=120)
    assert asked.returncode == 0, asked.stderr
    runs = [json.loads(line) for line in asked.stdout.splitlines() if line.startswith("{")]
    assert {run["status"] for run in runs} == {"paused"}
    return [(run["thread_id"], run["tickets"][0]["id"]) for run in runs]


class Journey:
    """One data dir, its running `up`, and what was asked before everything was killed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.up: Up | None = None
        self.asked: dict[str, tuple[str, int]] = {}

    def begin(self) -> None:
        """Ask, kill everything, and start again."""
        self.up = start(self.home)
        asked = {
            "approve": "transfer 250 to bob",
            "edit": "transfer 4000 to erin",
            "reject": "email bob@example.com subject Hi body Hello",
            "respond": "ask which report do you mean",
        }
        self.asked = dict(zip(asked, ask(self.home, *asked.values()), strict=True))
        kill_everything(self.up)
        self.up = start(self.home)

    def end(self) -> None:
        """Leave nothing running."""
        if self.up:
            self.up.close()

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(postgres.url(self.home)) as connection:
            return connection.execute(query).fetchall()

    @contextlib.contextmanager
    def signed_in(self, name: str) -> Iterator[httpx.Client]:
        assert self.up
        address = f"http://127.0.0.1:{self.up.port}"
        with httpx.Client(base_url=address, follow_redirects=True, timeout=20) as client:
            client.get("/accounts/login/")
            form = {"login": name, "password": PASSWORD, **token(client)}
            client.post("/accounts/login/", data=form)
            assert client.get("/").url.path == "/"
            yield client

    def decide(self, name: str, kind: str, decision: str = "", **fields: str) -> httpx.Response:
        ticket = self.asked[kind][1]
        with self.signed_in(name) as client:
            page = client.get(f"/tickets/{ticket}/").text
            shown = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
            digest = shown[1] if shown else "0" * 64
            form = {"type": decision or kind, "digest": digest, **token(client), **fields}
            return client.post(f"/tickets/{ticket}/decisions/", data=form)

    def run_that_says(self, kind: str, words: str, *, seconds: float = 30) -> str:
        """The run's page once it says the words."""
        deadline = time.monotonic() + seconds
        with self.signed_in("dave") as client:
            while time.monotonic() < deadline:
                page = client.get(f"/runs/{self.asked[kind][0]}/").text
                if words in page:
                    return page
                time.sleep(0.1)
        raise AssertionError(f"{words!r} never appeared: {page}")


def token(client: httpx.Client) -> dict[str, str]:
    return {"csrfmiddlewaretoken": client.cookies["countersign_csrf"]}


@pytest.fixture(scope="module")
def journey() -> Iterator[Journey]:
    # Not tmp_path: every pytest that starts closes that folder to other users, and as root Postgres is one.
    with tempfile.TemporaryDirectory(prefix="cs-journey-") as folder:
        journey = Journey(Path(folder) / "var")
        try:
            journey.begin()
            yield journey
        finally:
            journey.end()


def test_two_signatures_release_a_transfer_exactly_once(journey: Journey) -> None:
    assert journey.decide("alice", "approve").status_code == 200
    assert journey.decide("carol", "approve", message="fine by us").status_code == 200
    journey.run_that_says("approve", "Succeeded")
    assert journey.rows("SELECT count(*) FROM agents_demotransfer WHERE amount = 250") == [(1,)]


def test_the_requester_may_not_sign(journey: Journey) -> None:
    answer = journey.decide("dave", "edit", "approve")
    assert (answer.status_code, "someone else must approve" in answer.text) == (403, True)


def test_an_edit_is_what_runs(journey: Journey) -> None:
    args = json.dumps({"amount": 40, "to": "erin"})
    assert journey.decide("carol", "edit", args_json=args).status_code == 200
    # At this risk nobody signs what they changed themselves.
    assert journey.decide("erin", "edit", "approve").status_code == 200
    assert journey.decide("bob", "edit", "approve").status_code == 200
    journey.run_that_says("edit", "Succeeded")
    paid = journey.rows("SELECT amount::int FROM agents_demotransfer WHERE amount IN (40, 4000)")
    assert paid == [(40,)]


def test_a_rejection_goes_back_in_the_reviewer_s_words(journey: Journey) -> None:
    assert journey.decide("alice", "reject", message="not to him").status_code == 200
    assert "not to him" in journey.run_that_says("reject", "Ended, nothing approved")
    assert not list(journey.home.glob("mail/*bob*"))


def test_an_answer_goes_back_as_the_result(journey: Journey) -> None:
    assert journey.decide("bob", "respond", message="the third one").status_code == 200
    assert "the third one" in journey.run_that_says("respond", "Succeeded")


def test_a_decided_ticket_takes_no_more(journey: Journey) -> None:
    journey.run_that_says("reject", "Ended, nothing approved")
    assert journey.decide("alice", "reject", "approve").status_code == 409
