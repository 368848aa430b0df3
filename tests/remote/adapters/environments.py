"""Programs with frameworks that cannot live beside us, each in an environment of its own that uv makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daphne import ROOT

PROGRAMS = Path(__file__).parent / "programs"
#: With an empty cache a framework has to be fetched first.
SECONDS = 600.0

wanted = pytest.mark.skipif(
    not os.environ.get("COUNTERSIGN_ADAPTERS"), reason="fetches frameworks: run it with COUNTERSIGN_ADAPTERS=on"
)


class Program:
    """A program that runs, and says at its end what it did."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def said(self) -> dict[str, Any]:
        """The last line it printed."""
        out, errors = self._process.communicate(timeout=SECONDS)
        assert self._process.returncode == 0, errors
        told: dict[str, Any] = json.loads(out.strip().rpartition("\n")[2])
        return told


class Environments:
    """One for each extra of the client, made when it is first needed: the client, the extra, nothing else of ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def python(self, extra: str) -> Path:
        """The interpreter of this extra's environment."""
        home = self._folder / extra
        python = home / "bin" / "python"
        if not python.exists():
            needed = f"countersign-client[{extra}] @ {(ROOT / 'agents' / 'remote').as_uri()}"
            uv = ["uv", "--quiet", "--no-config"]
            subprocess.run([*uv, "venv", "--python", sys.executable, str(home)], check=True)
            subprocess.run(
                [*uv, "pip", "install", "--python", str(python), needed], check=True, timeout=SECONDS, cwd=home
            )
        return python

    @contextmanager
    def running(self, program: str, *arguments: str, extra: str, client: Any) -> Iterator[Program]:
        """A program of `programs/`, as the client's agent."""
        python = self.python(extra)
        told = {"COUNTERSIGN_URL": client.base_url, "COUNTERSIGN_TOKEN": client.token}
        quiet = {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TESTING": "true", "CREWAI_STORAGE_DIR": str(self._folder)}
        process = subprocess.Popen(
            [str(python), str(PROGRAMS / program), *arguments],
            env={**os.environ, **told, **quiet},
            cwd=self._folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            yield Program(process)
        finally:
            process.kill()
            process.wait()
