"""Keeps child processes running until told to stop, and then leaves none of them behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from hitl_site import processes

#: Asked to stop, children get this long before they are killed; Postgres needs the rest of the 10 s.
PATIENCE = 6.5
_FIRST_DELAY, _LONGEST_DELAY, _LONG_LIFE = 0.5, 30.0, 60.0


@dataclass(kw_only=True)
class Child:
    """One process to keep running."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    #: False for what `stop` leaves to its caller, such as the database the others need to the end.
    ours_to_stop: bool = True
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    delay: float = _FIRST_DELAY
    again_at: float | None = None


@dataclass(kw_only=True)
class Supervisor:
    """Starts children, restarts those that die, stops them all."""

    say: Callable[[str], None]
    stopping: threading.Event = field(default_factory=threading.Event)
    children: list[Child] = field(default_factory=list)

    def listen_for_signals(self) -> None:
        """From now on SIGINT and SIGTERM ask for the end instead of ending this process at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())

    def keep(self, name: str, start: Callable[[], subprocess.Popen[bytes]], *, ours_to_stop: bool = True) -> Child:
        """Start a child and keep it running. Call from the main thread: children die with their thread."""
        child = Child(name=name, start=start, ours_to_stop=ours_to_stop)
        child.started_at, child.process = time.monotonic(), start()
        self.children.append(child)
        return child

    def watch(self) -> None:
        """Restart what dies, until asked to stop."""
        while not self.stopping.wait(0.25):
            for child in self.children:
                self._tend(child)

    def stop(self, *, patience: float = PATIENCE) -> None:
        """Ask every child to end, wait, kill what is left with all it started."""
        self.stopping.set()
        ours = [child.process for child in self.children if child.process and child.ours_to_stop]
        end(ours, patience=patience)

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.again_at is not None:
            if now >= child.again_at:
                self._start_again(child)
            return
        code = child.process.poll() if child.process else None
        if code is None:
            return
        child.delay = _FIRST_DELAY if now - child.started_at > _LONG_LIFE else child.delay
        self._put_off(child, f"{child.name} ended {_how(code)}")

    def _start_again(self, child: Child) -> None:
        child.started_at, child.again_at = time.monotonic(), None
        try:
            child.process = child.start()
        except (OSError, RuntimeError) as error:
            self._put_off(child, f"{child.name} could not be started: {error}")

    def _put_off(self, child: Child, reason: str) -> None:
        self.say(f"{reason}; starting it again in {child.delay:g} s.")
        child.again_at = time.monotonic() + child.delay
        child.delay = min(child.delay * 2, _LONGEST_DELAY)


def spawn(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    orphaned: signal.Signals = signal.SIGTERM,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own; it gets the signal `orphaned` should this process be killed."""
    return subprocess.Popen(  # noqa: S603 - our own commands, no shell
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),  # our own stdout says only who can sign in, and when it is ready
        start_new_session=True,
        pass_fds=keep_open,
        preexec_fn=partial(processes.die_with_parent, orphaned),
    )


def end(running: Sequence[subprocess.Popen[bytes]], *, patience: float) -> None:
    """Ask processes to end, all at once; kill those that have not after `patience` seconds."""
    deadline = time.monotonic() + patience
    for process in running:
        process.terminate()  # does nothing to one that has ended
    for process in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in running:
        # The whole session, whether or not its leader is gone: it may have started others.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
