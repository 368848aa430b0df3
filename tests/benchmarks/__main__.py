"""Run one benchmark on a database of its own and print one JSON object."""

from __future__ import annotations

import argparse
import importlib
import json

from tests.benchmarks import stage

#: Name on the command line -> the module whose `run()` returns the figures.
BENCHMARKS = {
    "api": "tests.benchmarks.api",
    "audit_page": "tests.benchmarks.audit_page",
    "backtest": "tests.benchmarks.backtest",
    "totals": "tests.benchmarks.totals",
    "cycle": "tests.benchmarks.cycle",
    "fence": "tests.benchmarks.fence",
    "insights": "tests.benchmarks.insights",
    "pages": "tests.benchmarks.pages",
    "protocols": "tests.benchmarks.protocols",
    "push": "tests.benchmarks.push",
    "verify": "tests.benchmarks.verify",
    "verify_database": "tests.benchmarks.verify_database",
    "waiters": "tests.benchmarks.waiters",
}


def main() -> None:
    """Set the stage, run, print; the figures go to standard output and nothing else does."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="on one line, for machines")
    options = parser.parse_args()
    with stage.set_up():
        figures = importlib.import_module(BENCHMARKS[options.name]).run()
    print(json.dumps({"benchmark": options.name, **figures}, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
