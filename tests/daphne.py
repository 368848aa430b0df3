"""Real web processes for tests and benchmarks: Daphne on a free port, against a given database.

What takes longest is importing other people's modules. One process imports them once, before it has read any
settings, and every web process is forked from it: it reads the settings of its own environment, and is told,
stopped and killed as any other.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

START_SECONDS = 40.0
ROOT = Path(__file__).resolve().parent.parent
#: None of them reads a setting or makes an event loop, which no two processes may share.
HEAVY = (
    "allauth",
    "autobahn.websocket.protocol",
    "channels",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "django.core.management",
    "django.core.serializers.json",
    "django.db.backends.postgresql.base",
    "django.forms",
    "django.http",
    "django.views.generic",
    "fido2.server",
    "jsonschema",
    "procrastinate",
    "prometheus_client",
    "psycopg_pool",
    "pydantic",
    "requests",
    "sqlparse",
    "twisted.internet.tcp",
    "twisted.web.http",
)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def serving(
    application: str = "hitl_site.asgi:application", *, port: int | None = None, **environment: str
) -> Iterator[str]:
    """Run one web process for the length of the block and hand out its address."""
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    words = ["-v", "0", "-b", "127.0.0.1", "-p", str(port), application]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*HEAVY])
    surroundings = {**os.environ, "COUNTERSIGN_PUBLIC_URL": address, **environment}
    process = context.Process(target=_run, args=(words, surroundings))
    process.start()
    try:
        _wait_until_it_listens(process, port)
        yield address
    finally:
        process.terminate()
        process.join(5)
        process.kill()
        process.join()
        process.close()


def _run(words: list[str], environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    from daphne.cli import CommandLineInterface

    CommandLineInterface().run(words)


def _wait_until_it_listens(process: ForkServerProcess, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.is_alive() and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise RuntimeError(f"Daphne did not start on port {port}.")
