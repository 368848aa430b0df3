"""What `up` starts is started again when it dies, ever more slowly, and each time that is said."""

from __future__ import annotations

import os
import sys
from functools import partial

from hitl_site.supervisor import Supervisor, spawn


def watching(*, times: int) -> tuple[list[str], Supervisor]:
    """What a supervisor says, and one that stops when it has said so much."""
    said: list[str] = []

    def say(words: str) -> None:
        said.append(words)
        if len(said) == times:
            supervisor.stopping.set()

    supervisor = Supervisor(say=say)
    return said, supervisor


def test_a_child_that_keeps_dying_is_started_ever_more_slowly() -> None:
    said, supervisor = watching(times=3)
    supervisor.keep("Worker 1", partial(spawn, [sys.executable, "-c", "raise SystemExit(3)"], environment=os.environ))
    supervisor.watch()
    supervisor.stop()
    assert said == [f"Worker 1 ended with exit code 3; starting it again in {delay} s." for delay in ("0.5", "1", "2")]


def test_one_that_cannot_be_started_is_tried_again() -> None:
    said, supervisor = watching(times=2)
    child = supervisor.keep("Web", partial(spawn, [sys.executable, "-c", ""], environment=os.environ))
    child.start = partial(spawn, ["/nonexistent/program"], environment=os.environ)
    supervisor.watch()
    supervisor.stop()
    assert said[0] == "Web ended with exit code 0; starting it again in 0.5 s."
    assert said[1].startswith("Web could not be started: ")
    assert said[1].endswith("starting it again in 1 s.")
