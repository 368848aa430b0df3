"""Checks an exported record where there is neither Django nor a database: `python -m approvals.audit.verify FILE`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from approvals.audit import lines, notes
from approvals.audit.findings import Report
from approvals.audit.notes import BadNote, Head, PublicKey


def main() -> int:
    """0 whole, 1 damaged, 2 called wrongly."""
    parser = argparse.ArgumentParser(prog="python -m approvals.audit.verify", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="what export_audit wrote")
    parser.add_argument("--head", type=Path, metavar="FILE", help="a signed head that was kept elsewhere")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the public keys that seals are checked with")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    try:
        keys = keys_of(options.key) if options.key else []
        report = export(options.file, keys=keys, head=head_of(options.head, keys=keys) if options.head else None)
    except (OSError, BadNote) as error:
        parser.exit(2, f"{error}\n")
    print(told(report, as_json=options.json))
    return 1 if report.damage else 0


def export(path: Path, *, keys: Sequence[PublicKey], head: Head | None) -> Report:
    """Look through an export, with a bar on a terminal. Raises OSError, and BadNote where it is none."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as written:
        return lines.inspect(_counted(written, size=path.stat().st_size), keys=keys, head=head)


def keys_of(path: Path) -> list[PublicKey]:
    """The keys of a file. Raises OSError or BadNote."""
    if not (keys := notes.read_keys(path.read_text(errors="replace"))):
        raise BadNote(f"{path} holds no key.")
    return keys


def head_of(path: Path, *, keys: Sequence[PublicKey]) -> Head:
    """The signed head of a file. Raises OSError, and BadNote where it is none or none of these keys signed it."""
    note = path.read_text(errors="replace")
    return notes.opened(note, keys) if keys else notes.read(note)


def told(report: Report, *, as_json: bool) -> str:
    """The report as it is printed."""
    return json.dumps(report.as_json()) if as_json else "\n".join(report.lines())


def bar() -> Progress | nullcontext[None]:
    """A progress bar where somebody looks."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True) if console.is_terminal else nullcontext()


def _counted(written: Iterator[str], *, size: int) -> Iterator[str]:
    with bar() as progress:
        task = progress.add_task("Verifying", total=size) if progress else None
        for line in written:
            yield line
            if progress and task is not None:
                progress.advance(task, len(line))


if __name__ == "__main__":
    sys.exit(main())
