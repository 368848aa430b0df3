"""Everything on one machine: Postgres, migrations, checkpoint tables, demo, workers, web."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from hitl_site import demo, postgres, supervisor

_READY_SECONDS = 60.0
_MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


class Command(BaseCommand):
    """Set up everything and run it until Ctrl-C."""

    help = "Sets up everything on this machine and runs it; Ctrl-C stops all of it."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own shape; checks would double the start

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen, how many workers, whether to show the demo."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
        parser.add_argument("--workers", type=int, default=1, help="worker processes (1)")
        parser.add_argument("--no-demo", action="store_true", help="no demo users, policies and runs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, set up, run, and stop what was started in the reverse order."""
        if options["workers"] < 0:
            raise CommandError("--workers must be 0 or more.")
        self.supervisor = supervisor.Supervisor(say=lambda text: self.stderr.write(text))
        self.server: postgres.Server | None = None
        self.helpers: list[subprocess.Popen[bytes]] = []  # those that do one thing and end
        with contextlib.ExitStack() as stack:
            stack.enter_context(_locked(settings.DATA_DIR))
            listener = stack.enter_context(_listening(options["host"], options["port"]))
            self.supervisor.listen_for_signals()
            self.environment = _environment(listener, options["host"])
            stack.enter_context(_address_kept(settings.DATA_DIR, self.environment["COUNTERSIGN_PUBLIC_URL"]))
            stack.callback(self._stop)
            self._start_database()
            # Importing is most of a start, so the slow importers begin now and the rest happens beside them.
            self.web = self.supervisor.keep("The web process", partial(self._start_web, listener))
            self.helpers.append(self._spawn([*_MANAGE, "setup_checkpoints"]))
            accounts = self._set_up(with_demo=not options["no_demo"])
            self._start_workers(options["workers"])
            if self._wait_until_ready(listener):
                self._announce(accounts)
                self._start_demo_runs(wanted=not options["no_demo"])
                self.supervisor.watch()

    def _start_database(self) -> None:
        if settings.EMBEDDED_POSTGRES:
            try:
                self.supervisor.keep("Postgres", self._start_postgres, ours_to_stop=False)
            except (postgres.PostgresError, OSError) as error:
                raise CommandError(str(error)) from error
            return
        try:
            psycopg.connect(settings.DATABASE_URL, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            raise CommandError(f"DATABASE_URL cannot be reached: {' '.join(str(error).split())}") from error

    def _start_postgres(self) -> subprocess.Popen[bytes]:
        self.server = postgres.start(settings.DATA_DIR)
        return self.server.process

    def _set_up(self, *, with_demo: bool) -> list[demo.Account]:
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        accounts = demo.seed() if with_demo else []
        if settings.COUNTERSIGN_POLICIES:
            call_command("load_policies", verbosity=0, skip_checks=True)
        connection.close()  # `up` itself needs no database from here on
        return accounts

    def _start_workers(self, workers: int) -> None:
        checkpoints = self.helpers[0]
        while checkpoints.poll() is None and not self.supervisor.stopping.wait(0.02):
            pass
        if checkpoints.poll():
            raise CommandError("The checkpointer's tables could not be made; the reason is above.")
        for number in range(1, workers + 1):
            if self.supervisor.stopping.is_set():
                return
            self.supervisor.keep(f"Worker {number}", partial(self._spawn, [*_MANAGE, "worker"]))

    def _start_web(self, listener: socket.socket) -> subprocess.Popen[bytes]:
        # The socket stays ours and is handed over: nobody can take the port while the web process restarts.
        domain = ":domain=INET6" if listener.family == socket.AF_INET6 else ""
        where = ["--endpoint", f"fd:fileno={listener.fileno()}{domain}"]
        command = [sys.executable, "-m", "daphne", "--verbosity", "0", *where, "hitl_site.asgi:application"]
        return supervisor.spawn(
            command, environment=self.environment, orphaned=signal.SIGKILL, keep_open=[listener.fileno()]
        )

    def _start_demo_runs(self, *, wanted: bool) -> None:
        if wanted:
            self.helpers.append(self._spawn([*_MANAGE, "seed_demo", "--runs"]))

    def _wait_until_ready(self, listener: socket.socket) -> bool:
        deadline = time.monotonic() + _READY_SECONDS
        while not self.supervisor.stopping.is_set():
            if _is_ready(listener):
                return True
            if self._has_web_died() or time.monotonic() > deadline:
                raise CommandError("The web process did not start; the reason is above.")
            self.supervisor.stopping.wait(0.05)
        return False

    def _has_web_died(self) -> bool:
        return self.web.process is not None and self.web.process.poll() is not None

    def _announce(self, accounts: list[demo.Account]) -> None:
        if accounts:
            for line in demo.lines(accounts):
                self.stdout.write(line)
        elif not User.objects.exists():
            self.stdout.write("Nobody can sign in yet: `uv run manage.py createsuperuser` makes the first person.")
        self.stdout.write(f"Countersign is ready at {self.environment['COUNTERSIGN_PUBLIC_URL']}")
        self.stdout.flush()

    def _stop(self) -> None:
        self.supervisor.stop()
        supervisor.end(self.helpers, patience=0.5)
        if self.server:
            postgres.stop(self.server, timeout=1.5)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        return supervisor.spawn(command, environment=self.environment)


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """Hold the data dir: two servers on the same files would destroy them."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "up.lock").open("a+")
    except OSError as error:
        raise CommandError(f"{data_dir} cannot be written to: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise CommandError(
                f"Countersign is already running on {data_dir} (process {lock.read().strip() or 'unknown'})."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port now, before anything is started."""
    address, family = host.strip("[]"), socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            _bind(listener, (address, port))
        except (OSError, OverflowError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
            raise CommandError(f"Countersign cannot listen on {host} port {port}: {reason}.") from error
        listener.listen(128)
        yield listener


def _bind(listener: socket.socket, address: tuple[str, int]) -> None:
    # After a kill -9 the last web process may need a moment to let go of the port.
    for _ in range(10):
        with contextlib.suppress(OSError):
            listener.bind(address)
            return
        time.sleep(0.1)
    listener.bind(address)


def _environment(listener: socket.socket, host: str) -> dict[str, str]:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host.strip("[]"), host)  # noqa: S104 - compared only
    shown = f"[{shown}]" if ":" in shown and not shown.startswith("[") else shown
    here = f"http://{shown}:{listener.getsockname()[1]}"
    public = os.environ.get("COUNTERSIGN_PUBLIC_URL", "").strip().rstrip("/") or here
    environment = {**os.environ, "COUNTERSIGN_PUBLIC_URL": public, "PYTHONUNBUFFERED": "1"}
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Asked to keep the source folders clean, not to compile everything again in every process.
        environment.setdefault("PYTHONPYCACHEPREFIX", str(settings.DATA_DIR / "pycache"))
    return environment


@contextlib.contextmanager
def _address_kept(data_dir: Path, address: str) -> Iterator[None]:
    """Tell other commands on this data dir (`run_agent` prints links) where the pages are."""
    note = data_dir / "public_url"
    note.write_text(address)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def _is_ready(listener: socket.socket) -> bool:
    address, port = listener.getsockname()[:2]
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - compared only
    host = next((name for name in settings.ALLOWED_HOSTS if not name.startswith(("*", "."))), "localhost")
    where = f"[{address}]" if ":" in address else address
    request = urllib.request.Request(f"http://{where}:{port}/readyz", headers={"Host": host})
    try:
        # No proxy: the environment's is for the outside world.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
