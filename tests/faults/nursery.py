"""Makes real processes quickly: one process imports everything once and forks the others off.

A worker needs seconds to import LangChain; a matrix of faults needs a hundred of them. What is forked then runs
the product's own command, on a database and with failpoints of its own. Spoken to in lines of JSON on stdin and
stdout; whatever it made dies with it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django

#: What takes long to import. Not daphne's server: it makes an event loop, which no two processes may share.
HEAVY = (
    "langchain.agents.middleware",
    "langgraph.checkpoint.postgres.aio",
    "hitl_site.urls",
    "channels.auth",
    "channels.security.websocket",
    "agents.management.commands.worker",
    "agents.management.commands.run_agent",
    "agents.runner",
    "agents.sweeps",
    "tests.faults.graphs",
)


def main() -> None:
    """Import, say that it is ready, and fork until stdin is closed."""
    django.setup()
    from agents import registry

    for name in HEAVY:
        importlib.import_module(name)
    registry.warm()
    gc.collect()
    gc.freeze()  # what is shared stays shared
    print(json.dumps({"ready": os.getpid()}), flush=True)
    _serve()


def _serve() -> None:
    """Read from the pipe itself: a buffered reader would keep lines that `select` does not see."""
    waiting = b""
    while True:
        ready, _, _ = select.select([0], [], [], 0.05)
        _reap()
        if not ready:
            continue
        read = os.read(0, 65536)
        if not read:
            return
        *lines, waiting = (waiting + read).split(b"\n")
        for line in lines:
            print(json.dumps({"pid": _fork(json.loads(line))}), flush=True)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _fork(order: dict[str, Any]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        _move_out(order, parent)
        if "LD_PRELOAD" in order["environment"]:
            _start_anew(order)
        code = _run(order["commands"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        Path(f"{order['log']}.{os.getpid()}").write_text(str(code))
        os._exit(code)


def _move_out(order: dict[str, Any], parent: int) -> None:
    """Become a process of one's own: session, output, environment, database, failpoints."""
    from django.conf import settings

    from approvals import failpoints
    from hitl_site import processes

    os.setsid()
    processes.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(71)  # it died before the kernel was told to watch it
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(order["environment"])
    random.seed()
    settings.DATABASES["default"].update(order["database"])
    settings.DATA_DIR = Path(order["data_dir"])
    failpoints.arm(order["orders"], log=order["reached"])


def _start_anew(order: dict[str, Any]) -> None:
    """What is to be loaded first needs a process that begins at its beginning."""
    from django.conf import settings

    host, name = (order["database"][key] for key in ("HOST", "NAME"))
    os.environ["DATABASE_URL"] = f"postgresql://postgres@/{name}?host={quote(host, safe='')}"
    os.environ["COUNTERSIGN_DATA_DIR"] = order["data_dir"]
    os.environ["COUNTERSIGN_SECRET_KEY"] = settings.SECRET_KEY  # all others have it from the nursery
    os.environ["COUNTERSIGN_FAILPOINTS"] = order["orders"]
    (words,) = order["commands"]
    program = ["-m"] if words[0] == "daphne" else ["manage.py"]
    os.execv(sys.executable, [sys.executable, *program, *words])


def _run(commands: list[list[str]]) -> int:
    for words in commands:
        if words[0] == "daphne":
            from daphne.cli import CommandLineInterface

            CommandLineInterface().run(words[1:])
            continue
        from django.core.management import execute_from_command_line

        execute_from_command_line(["manage.py", *words])
    return 0


if __name__ == "__main__":
    main()
