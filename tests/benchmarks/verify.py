"""`verify`: the stand-alone verifier on an export of a million entries, against reading and hashing the same lines.

The record is of 200,000 tickets with five entries each, their entries in turn as sealers meet them, and a seal over
every thousand. The verifier is a process of its own, so its memory is its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from approvals.audit import tree
from tests.audit import records

ENTRIES = int(os.environ.get("COUNTERSIGN_ENTRIES", "1000000"))
#: Entries of a ticket, and how many tickets are open at once.
EACH, OPEN = 5, 500
A_SEAL = 1_000
#: Runs the verifier and says how much memory it took at its height: on Linux in KiB.
WATCHED = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "approvals.audit.verify", sys.argv[1], "--json"]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def run() -> dict[str, Any]:
    """Seconds, MB and the ratio to the floor."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.jsonl"
        _write(file)
        began = time.perf_counter()
        answer = subprocess.run([sys.executable, "-c", WATCHED, str(file)], capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - began
        report = json.loads(answer.stdout)
        floor = _floor(file)
        size = file.stat().st_size
    return {
        "entries": report["entries"],
        "whole": report["ok"],
        "file MB": round(size / 1e6),
        "verified s": round(seconds, 1),
        "peak MB": round(int(answer.stderr.split()[-1]) * 1024 / 1e6),
        "read and hashed s": round(floor, 1),
        "ratio": round(seconds / floor, 2),
    }


def _write(file: Path) -> None:
    heads: dict[int, tuple[int, str]] = {}
    edge = tree.Edge()
    with file.open("w") as out:
        out.write(json.dumps(records.HEADER) + "\n")
        for number in range(ENTRIES):
            ticket = number // (OPEN * EACH) * OPEN + number % OPEN
            seq, prev = heads.pop(ticket, (0, "00" * 32))
            line = records.entry(f"ticket/{ticket}", seq + 1, prev, leaf=number, said="approve")
            if seq + 1 < EACH:
                heads[ticket] = (seq + 1, line["hash"])
            edge.append(bytes.fromhex(line["hash"]))
            out.write(json.dumps(line) + "\n")
            if (number + 1) % A_SEAL == 0:
                out.write(json.dumps(records.sealed(edge)) + "\n")


def _floor(file: Path) -> float:
    began = time.perf_counter()
    with file.open() as written:
        for line in written:
            body = json.loads(line).get("body")
            if body:
                hashlib.sha256(body.encode()).digest()
    return time.perf_counter() - began
