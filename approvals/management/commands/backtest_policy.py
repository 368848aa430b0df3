from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from approvals import backtest, backtest_words, policy_files, rulebook, wording
from approvals.errors import InvalidPolicy


class Command(BaseCommand):
    """Run a policy file over past requests, and change nothing."""

    help = "Says what the policies of a TOML file would have made of past requests; changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which file, how far back, for whom."""
        parser.add_argument("file", metavar="FILE", help="TOML file")
        parser.add_argument("--days", type=_days, default=30, metavar="N", help="how far back (30)")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report."""
        try:
            file = policy_files.load(Path(options["file"]))
            rules = backtest.after(
                lambda: rulebook.replace(file.drafts, groups=file.groups, actor=None, source="backtest")
            )
        except InvalidPolicy as error:
            raise CommandError(str(error), returncode=2) from error
        report = backtest.run(rules, days=options["days"])
        if options["json"]:
            self.stdout.write(json.dumps(backtest_words.as_json(report), ensure_ascii=False))
            return
        for line in backtest_words.lines(report):
            self.stdout.write(wording.visible(line))


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise ArgumentTypeError(f"a number of days from 1 to 36500, not {text!r}")
    return int(text)
