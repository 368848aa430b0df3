"""The demo agent's files: everything under `files/` in the data dir, and nothing outside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

MAX_BYTES = 64 * 1024
#: Laid out once, so that the first search and the first deletion have something to work on.
SAMPLES = {
    "handbook.md": (
        "# Handbook\n\nRefunds above 100 need a second pair of eyes.\n"
        "Invoices are paid on the 15th of each month.\nOld reports may be deleted after two years.\n"
    ),
    "report-7.txt": "Report 7, third quarter\n\nRevenue 48,200. Costs 31,750. Two invoices are open.\n",
    "invoices.csv": ("number,to,amount,state\n1041,bob,250.00,open\n1042,acme,1800.00,open\n1043,bob,90.00,paid\n"),
    "old-logs.txt": "2024-01-03 started\n2024-01-03 stopped\n",
}


class FileRefused(Exception):
    """The file is not there, not text, or not the agent's to touch."""


def folder() -> Path:
    """The agent's folder, made and filled with samples the first time."""
    root = Path(settings.DATA_DIR) / "files"
    mark = root / ".samples"
    if not mark.exists():
        root.mkdir(parents=True, exist_ok=True)
        for name, text in SAMPLES.items():
            if not (root / name).exists():
                (root / name).write_text(text, encoding="utf-8")
        mark.touch()
    return root.resolve()


def find(name: str) -> Path:
    """The file of that name; refuses whatever leads outside the folder, also through a link."""
    root = folder()
    try:
        path = (root / name).resolve()
    except (OSError, ValueError) as error:
        raise FileRefused(f'"{name}" is not a file name.') from error
    if not path.is_relative_to(root) or _is_hidden(path, root):
        raise FileRefused(f'"{name}" is outside the files folder.')
    if not path.is_file():
        raise FileRefused(f'There is no file "{name}".')
    return path


def find_data(name: str) -> Path:
    """The file of a data set: by its full name, or without its suffix when only one fits."""
    try:
        return find(name)
    except FileRefused:
        fitting = [path for path in every() if path.stem == name]
        if len(fitting) != 1:
            raise
        return fitting[0]


def read(name: str) -> str:
    """The text of a file."""
    path = find(name)
    if path.stat().st_size > MAX_BYTES:
        raise FileRefused(f'"{name}" is larger than {MAX_BYTES // 1024} KB.')
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused(f'"{name}" is not a text file.') from error


def search(text: str, *, limit: int = 10) -> list[str]:
    """Lines that hold every word of the text, as `file:line: words`."""
    words = text.casefold().split()
    found: list[str] = []
    for path in every():
        for number, line in _lines(path):
            if all(word in line.casefold() for word in words):
                found.append(f"{path.relative_to(folder())}:{number}: {line.strip()[:200]}")
                if len(found) == limit:
                    return found
    return found


def every() -> Iterator[Path]:
    """Every file the agent may touch, by name."""
    root = folder()
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and not _is_hidden(path, root):
            yield path


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    if path.stat().st_size > MAX_BYTES:
        return
    yield from enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
