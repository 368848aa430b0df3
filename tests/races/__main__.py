"""Race for as many tickets as you like on a database of its own, and print what was seen as one JSON object."""

from __future__ import annotations

import argparse
import importlib
import json

from tests.benchmarks import stage


def main() -> None:
    """Set the stage, race, print. A broken promise ends it with the ticket, the kind of race and the seed."""
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    parser.add_argument("--tickets", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with stage.set_up():
        figures = importlib.import_module("tests.races.trials").run(options.tickets, seed=options.seed)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
