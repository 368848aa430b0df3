from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from approvals.audit import export, files, verify


class Command(BaseCommand):
    """The record, to keep elsewhere or to show to somebody."""

    help = "Writes the record as JSON lines, which verify_audit checks without a database, or as CSV."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own shape

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, how and where to."""
        parser.add_argument("--ticket", type=_number, metavar="ID", help="one ticket, with proofs of its places")
        parser.add_argument("--format", choices=["jsonl", "csv"], default="jsonl", help="jsonl")
        parser.add_argument("--output", type=Path, metavar="FILE", help="a file; JSON lines go on where it stopped")
        parser.add_argument("--after", type=_number, default=0, metavar="N", help="without the first N sealed entries")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write line after line; nothing is held in memory."""
        stream = f"ticket/{options['ticket']}" if options["ticket"] is not None else ""
        if stream and options["after"]:
            raise CommandError("--after is for all of the record, not for one ticket.", returncode=2)
        if stream and not export.exists(stream):
            raise CommandError(f"There is no ticket {options['ticket']}.", returncode=2)
        output: Path | None = options["output"]
        if output is None:
            for line in export.lines_of(options["format"], stream=stream, after=options["after"]):
                self.stdout.write(line, ending="")
            return
        try:
            _export(output, options["format"], stream=stream, after=options["after"])
        except files.NotThisExport as refusal:
            raise CommandError(str(refusal), returncode=2) from None
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.", returncode=2) from error


def _export(path: Path, format: str, *, stream: str, after: int) -> None:
    """All of the record goes on where the file stops; anything else takes the place of an earlier one of its kind."""
    first = export.first_line(format, stream=stream)
    if format == "jsonl" and not stream:
        after = files.go_on(path, first=first, after=after)
    else:
        files.check(path, first=first)
    _write(path, export.lines_of(format, stream=stream, after=after), goes_on=bool(after))


def _write(path: Path, told: Iterator[str], *, goes_on: bool) -> None:
    with path.open("a" if goes_on else "w", encoding="utf-8", newline="") as out, verify.bar() as progress:
        task = progress.add_task("Exporting", total=None) if progress else None
        for line in told:
            out.write(line)
            if progress and task is not None:
                progress.advance(task)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ArgumentTypeError(f"a whole number, not {text!r}")
    return int(text)
