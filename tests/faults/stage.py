"""What every cell stands on: Postgres servers of the matrix's own, a nursery, and lanes.

A lane is a database with a web process and people who are signed in to it. Cells in different lanes know nothing
of each other; those that stop Postgres stand on a server of their own.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from hitl_site import postgres
from tests.daphne import ROOT
from tests.faults.hands import Nursery

PASSWORD = "correct horse battery staple"
#: Short, so that a matrix of dead workers ends within minutes; `--lease 30` measures what people have.
LEASE_SECONDS = 5
#: Servers that are stopped and killed, each with one lane.
SHAKEN = 3
#: For all lanes of one server: a worker may take thirty.
CONNECTIONS = 400
HERE = Path(__file__).parent


class Server:
    """One embedded Postgres that can be ended in every way and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.running = postgres.start(home)

    def address(self, database: str) -> str:
        """The libpq address of one of its databases."""
        return psycopg.conninfo.make_conninfo(postgres.url(self.home), dbname=database)

    def place(self, database: str) -> dict[str, str]:
        """The same, as Django's settings have it."""
        parts = psycopg.conninfo.conninfo_to_dict(self.address(database))
        return {"NAME": database, "HOST": str(parts["host"])}

    @property
    def folder(self) -> Path:
        """Where its socket is."""
        return postgres.socket(self.home).parent

    def copy_database(self, name: str) -> None:
        """A database as the template is now."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{postgres.DATABASE}"')
            # Without one the copy's sequences go back after a crash: their pages look as if they had been logged.
            connection.execute("CHECKPOINT")

    @property
    def files(self) -> Path:
        """Its cluster."""
        return self.home / "postgres"

    def tool(self, program: str, *words: str) -> None:
        """Run one of Postgres's own programs against it."""
        command = [str(postgres.binaries() / program), "-h", str(self.folder), "-U", "postgres", *words]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def copy_files(self, to: Path, *words: str) -> None:
        """A backup of the files, taken while the server runs."""
        self.tool("pg_basebackup", "-c", "fast", "-D", str(to), *words)
        subprocess.run(["chown", "-R", f"--reference={self.files}", to], check=True)

    def replace_files(self, by: Path) -> None:
        """Put a backup in the place of its files, while it does not run."""
        shutil.rmtree(self.files)
        shutil.move(by, self.files)

    def end(self, how: signal.Signals) -> None:
        """SIGTERM waits for clients, SIGINT cuts them off, SIGKILL asks nobody."""
        self.running.process.send_signal(how)
        self.running.process.wait(20)

    def start(self) -> None:
        """Start it again on the same files."""
        self.running = postgres.start(self.home)

    def stop(self) -> None:
        """For good: what is on its disk is thrown away."""
        self.end(signal.SIGQUIT)


class Stage:
    """Servers, nursery and the template that lanes are copied from."""

    def __init__(self, home: Path, *, lease_seconds: int = LEASE_SECONDS) -> None:
        self.home = home
        self.effects = home / "effects"
        self.effects.touch()
        # First: the settings give a pool of connections to whoever finds a server running.
        self.steady = Server(home / "steady")
        self.nursery = Nursery(
            home,
            DJANGO_SETTINGS_MODULE="hitl_site.settings",
            COUNTERSIGN_DATA_DIR=str(home / "steady"),
            COUNTERSIGN_DEMO_PASSWORD=PASSWORD,
            COUNTERSIGN_GRAPHS=str(HERE / "langgraph.json"),
            COUNTERSIGN_LEASE_SECONDS=str(lease_seconds),
            FAULTS_EFFECTS=str(self.effects),
        )
        self.nursery.wait_until_ready()
        self._furnish()
        self.shaken = self._copies()

    def close(self) -> None:
        """Leave nothing running."""
        self.nursery.close()
        for server in (self.steady, *self.shaken):
            server.stop()

    def _furnish(self) -> None:
        """Tables, people and the one policy, once."""
        steps = (["migrate", "-v", "0"], ["setup_checkpoints"], ["seed_demo", "--people"])
        policies = ["load_policies", str(HERE / "policies.toml")]
        place = self.steady.place(postgres.DATABASE)
        furnishing = self.nursery.start([*steps, policies], name="furnish", database=place, data_dir=self.home)
        furnishing.until_ended(seconds=180)
        assert furnishing.code == 0, furnishing.said()

    def _copies(self) -> list[Server]:
        """More servers with the same files: copying them is quicker than migrating again."""
        with psycopg.connect(self.steady.address("postgres"), autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
        self.steady.end(signal.SIGINT)
        homes = [self.home / f"shaken{number}" for number in range(1, SHAKEN + 1)]
        for home in homes:
            home.mkdir()
            subprocess.run(["cp", "-a", self.steady.home / "postgres", home / "postgres"], check=True)
        self.steady.start()
        return [Server(home) for home in homes]


@contextlib.contextmanager
def set_up(*, lease_seconds: int = LEASE_SECONDS) -> Iterator[Stage]:
    """A stage in a folder of its own, taken away again."""
    # Not pytest's tmp_path: it closes that folder to other users, and as root Postgres is one.
    home = Path(tempfile.mkdtemp(prefix="cs-faults-"))
    stage = None
    try:
        stage = Stage(home, lease_seconds=lease_seconds)
        yield stage
    finally:
        if stage:
            stage.close()
        shutil.rmtree(home, ignore_errors=True)


__all__ = ["LEASE_SECONDS", "PASSWORD", "ROOT", "Server", "Stage", "set_up"]
