"""`manage.py up` with real processes: it starts, refuses, explains, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def surroundings(data_dir: Path, **more: str) -> dict[str, str]:
    ours = ("DATABASE_URL", "COUNTERSIGN_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "COUNTERSIGN_DATA_DIR": str(data_dir), **more}


def manage(*words: str, data_dir: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    return subprocess.run(command, env=surroundings(data_dir, **more), capture_output=True, text=True, timeout=60)


class Up:
    """One running `up`."""

    def __init__(self, data_dir: Path, *words: str, **more: str) -> None:
        self.data_dir, self.port = data_dir, free_port()
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(self.port), *words]
        self.log = (data_dir.parent / f"{data_dir.name}.log").open("w+")
        self.process = subprocess.Popen(
            command, env=surroundings(data_dir, **more), stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.said: list[str] = []

    def wait_until_ready(self) -> Up:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("Countersign is ready at "):
                return self
        self.log.seek(0)
        raise AssertionError(f"up ended before it was ready: {self.log.read()}")

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def get(self, path: str) -> tuple[int, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(15)
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    # Not tmp_path: every pytest that starts closes that folder to other users, and as root Postgres is one.
    with tempfile.TemporaryDirectory(prefix="cs-up-") as home:
        yield Path(home) / "var"


@pytest.fixture(scope="module")
def up(data_dir: Path) -> Iterator[Up]:
    running = Up(data_dir)
    try:
        yield running.wait_until_ready()
    finally:
        running.close()


def test_it_says_who_can_sign_in_and_where_it_is(up: Up) -> None:
    assert up.said[-1] == f"Countersign is ready at http://127.0.0.1:{up.port}"
    names = [line.split()[0] for line in up.said if line.startswith("  ")]
    assert names == ["alice", "bob", "carol", "erin", "frank", "dave", "admin"]


def test_it_answers_on_every_health_address(up: Up) -> None:
    assert up.get("/healthz") == (200, "ok\n")
    status, told = up.get("/readyz")
    assert (status, told.splitlines()[0]) == (200, "ready") and "fence" not in told
    assert "countersign_tickets" in up.get("/metrics")[1]


def test_the_secret_key_is_for_its_owner_alone(up: Up) -> None:
    assert (up.data_dir / "secret_key").stat().st_mode & 0o777 == 0o600


def test_the_embedded_database_lets_nobody_else_in(up: Up) -> None:
    listening = [
        connection
        for process in up.family()
        if process.name() == "postgres"
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == []
    assert (up.data_dir / "postgres").stat().st_mode & 0o077 == 0


def test_a_second_one_on_the_same_data_dir_refuses(up: Up) -> None:
    second = manage("up", "--port", str(free_port()), data_dir=up.data_dir)
    assert second.returncode == 1
    assert f"Countersign is already running on {up.data_dir} (process {up.process.pid})." in second.stderr
    assert up.get("/readyz")[0] == 200


def test_repeating_the_demo_changes_nothing(up: Up) -> None:
    again = manage("seed_demo", "--people", data_dir=up.data_dir)
    assert again.returncode == 0, again.stderr
    assert "passwords of the first start" in again.stdout


@pytest.mark.parametrize(("name", "word"), [("Worker 1", "worker"), ("The web process", "hitl_site.asgi:application")])
def test_what_dies_is_started_again_and_that_is_said(up: Up, name: str, word: str) -> None:
    child = next(p for p in up.family() if word in p.cmdline())
    child.kill()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if any(p.pid != child.pid and word in p.cmdline() for p in _alive(up.family())):
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"no new {word}")
    up.log.flush()
    assert f"{name} ended by SIGKILL; starting it again in 0.5 s." in Path(up.log.name).read_text()


def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


# From here on the tests end what runs, so they come last and in this order.


def test_sigterm_stops_everything_in_time(up: Up) -> None:
    family = up.family()
    assert len(family) >= 3
    started = time.monotonic()
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(15) == 0
    assert time.monotonic() - started < 10
    assert _alive(family) == []


def test_after_a_kill_of_everything_it_starts_again(data_dir: Path) -> None:
    first = Up(data_dir).wait_until_ready()
    family = first.family()
    for process in [psutil.Process(first.process.pid), *family]:
        process.kill()
    first.process.wait(10)
    psutil.wait_procs(family, timeout=10)
    first.close()
    second = Up(data_dir)
    try:
        second.wait_until_ready()
        assert second.get("/readyz")[0] == 200
        # Killed alone, it takes its children along: nobody else may go on writing.
        family = second.family()
        second.process.kill()
        second.process.wait(10)
        _, left = psutil.wait_procs(family, timeout=10)
        assert left == []
    finally:
        second.close()


def test_without_up_a_command_says_that_the_database_is_not_running(tmp_path: Path) -> None:
    refused = manage("seed_demo", data_dir=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "Countersign's database is not running: start it with `manage.py up`, or set DATABASE_URL."
    )


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = manage("up", "--port", str(port), data_dir=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith(
        f"Countersign cannot listen on 127.0.0.1 port {port}: Address already in use."
    )
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_wrong_policy_file_stops_the_start_with_one_sentence(data_dir: Path, tmp_path: Path) -> None:
    policies = tmp_path / "policies.toml"
    policies.write_text('[[policy]]\nname = "Mail"\nrisk = "mediocre"\n')
    setting = {"COUNTERSIGN_POLICIES": str(policies)}
    refused = manage("up", "--no-demo", "--port", str(free_port()), data_dir=data_dir, **setting)
    assert refused.returncode == 2
    last = refused.stderr.strip().splitlines()[-1]
    assert "COUNTERSIGN_POLICIES" in last
    assert "Policy “Mail”, risk: low, medium, high or critical is expected, not 'mediocre'." in last


def test_an_unreachable_database_is_one_sentence(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody:wrong@127.0.0.1:{free_port()}/nothing"
    refused = manage("up", "--port", str(free_port()), data_dir=tmp_path, DATABASE_URL=nowhere)
    assert refused.returncode == 1
    assert "DATABASE_URL cannot be reached: " in refused.stderr
    assert "wrong" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_dir_without_write_permission_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    refused = manage("up", "--port", str(free_port()), data_dir=tmp_path / "var")
    assert refused.returncode == 1
    assert "COUNTERSIGN_DATA_DIR" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_data_dir_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    refused = manage("up", data_dir=tmp_path / "var")
    assert refused.returncode == 1
    assert refused.stderr.strip() == f"COUNTERSIGN_DATA_DIR names {tmp_path / 'var'}, which is not a folder."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/countersign"),
        ("DATABASE_URL", "postgresql://localhost:port/countersign"),
        ("COUNTERSIGN_SECRET_KEY", "short"),
        ("COUNTERSIGN_PUBLIC_URL", "approvals.example.com"),
        ("COUNTERSIGN_PUBLIC_URL", "https://approvals.example.com/inbox"),
        ("COUNTERSIGN_DEBUG", "perhaps"),
        ("COUNTERSIGN_GRAPHS", "nowhere/langgraph.json"),
        ("COUNTERSIGN_MFA", "carrier pigeon"),
        ("COUNTERSIGN_LEASE_SECONDS", "a while"),
        ("COUNTERSIGN_FAILPOINTS", "nowhere=kill"),
        ("COUNTERSIGN_OIDC_CLIENT_ID", "countersign"),
        ("COUNTERSIGN_SMTP_URL", "pigeon://mail.example.com"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence_that_names_it(name: str, value: str, tmp_path: Path) -> None:
    refused = manage("check", data_dir=tmp_path, **{name: value})
    assert refused.returncode == 1
    stem = name.rsplit("_", 2)[0] if name.startswith("COUNTERSIGN_OIDC") else name
    assert stem in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
