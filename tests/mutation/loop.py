"""A plugin: every mutant is tried by the tests that call it, in one process, until the first of them fails.

First all tests run on the unbroken code: they must pass, and it is written down which of them call which function.
"""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from _pytest.runner import runtestprotocol

#: A mutant that goes round in circles is noticed too. Of this process's own time: the machine may be busy.
SECONDS = 20

hypothesis.settings.register_profile(
    "mutants",
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # the smallest example is not asked for
    database=None,
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("mutants")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Instead of running each test once."""
    todo = json.loads(Path("../todo.json").read_text())
    callers = _callers(session.items)
    is_pure = not any(test.get_closest_marker("django_db") for test in session.items)
    for number, (name, text) in enumerate(todo["mutants"].items(), start=1):
        tests = callers.get(name.rpartition("__mutmut_")[0], [])
        with _breaking(name):
            alive = _all_pass(tests, forked=is_pure)
        fate = "killed" if not alive else "survived" if tests else "no test calls it"
        with Path(todo["fates"]).open("a") as fates:
            fates.write(json.dumps([name, text, fate]) + "\n")
        _say(session, f"{number} of {len(todo['mutants'])}: {name} {fate}")
    _callers(session.items)  # still whole: no mutant was killed by what another had left behind
    session._setupstate.teardown_exact(None)
    return True


def _say(session: pytest.Session, line: str) -> None:
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    reporter.write_line(line)
    reporter.flush()


def _callers(tests: list[pytest.Item]) -> dict[str, list[pytest.Item]]:
    from mutmut.state import state

    callers: dict[str, list[pytest.Item]] = defaultdict(list)
    for test in tests:
        state()._stats.clear()
        with _breaking("stats"):
            if not _passes(test):
                raise pytest.UsageError(f"{test.nodeid} fails on the unbroken code")
        for function in state()._stats:
            callers[function].append(test)
    return callers


def _all_pass(tests: list[pytest.Item], *, forked: bool) -> bool:
    """Without a database in a fork, since a property that failed once remembers it; a connection is not forked."""
    if not forked:
        return all(_passes(test) for test in tests)
    child = os.fork()
    if not child:
        os._exit(0 if all(_passes(test) for test in tests) else 1)
    return os.waitpid(child, 0)[1] == 0


def _passes(test: pytest.Item) -> bool:
    # The session comes next as far as pytest knows, so that the database outlives the test and nothing else does.
    following: Any = test.session
    try:
        with _at_most(SECONDS):
            return not any(report.failed for report in runtestprotocol(test, log=False, nextitem=following))
    except Exception:  # a reporting plugin may stumble over the failure of a test that runs once more
        test.session._setupstate.teardown_exact(following)
        return False


@contextmanager
def _breaking(name: str) -> Iterator[None]:
    os.environ["MUTANT_UNDER_TEST"] = name
    try:
        yield
    finally:
        os.environ["MUTANT_UNDER_TEST"] = ""


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"longer than {seconds} seconds")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
