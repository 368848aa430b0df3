"""`verify_database`: `verify_audit` on a database of a million entries, and the export of one ticket of them.

The entries are real chain rows of 200,000 tickets, brought in by COPY and sealed by the sealer. The command is a
process of its own, so its memory is its own; the floor reads the same rows and hashes them.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection

from approvals.audit import sealing
from tests.audit import records
from tests.benchmarks.verify import EACH, ENTRIES, OPEN

#: Runs a command and says how much memory it took at its height: on Linux in KiB.
WATCHED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
_ENTRIES = """
COPY approvals_auditentry (id, ticket_id, stream, seq, type, actor_id, actor_name, at, body, prev, hash)
FROM STDIN
"""
_PAYLOADS = "COPY approvals_payload (entry_id, salt, body) FROM STDIN"


def run() -> dict[str, Any]:
    """Seconds and MB of both commands, and the ratio of the first to the floor."""
    made, sealed = _timed(_make), _timed(sealing.seal)
    report, seconds, peak = _watched("verify_audit", "--json")
    _, one, one_peak = _watched("export_audit", "--ticket", str(ENTRIES // EACH // 2))
    floor = _timed(_floor)
    return {
        "entries": report["entries"],
        "whole": report["ok"],
        "made s": round(made, 1),
        "sealed s": round(sealed, 1),
        "verified s": round(seconds, 1),
        "peak MB": peak,
        "read and hashed s": round(floor, 1),
        "ratio": round(seconds / floor, 2),
        "one ticket s": round(one, 2),
        "one ticket peak MB": one_peak,
    }


def _make() -> None:
    heads: dict[int, tuple[int, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET session_replication_role = replica")  # there are no tickets, only what was said of them
        payloads = []
        with cursor.copy(_ENTRIES) as copy:
            for number in range(ENTRIES):
                ticket = number // (OPEN * EACH) * OPEN + number % OPEN
                seq, prev = heads.pop(ticket, (0, "00" * 32))
                line = records.entry(f"ticket/{ticket}", seq + 1, prev, leaf=None, said="approve")
                if seq + 1 < EACH:
                    heads[ticket] = (seq + 1, line["hash"])
                copy.write_row(_row(number + 1, line))
                beside = line["payload"]
                payloads.append((number + 1, bytes.fromhex(beside["salt"]), beside["body"].encode()))
        with cursor.copy(_PAYLOADS) as copy:
            for row in payloads:
                copy.write_row(row)
        cursor.execute("ANALYZE approvals_auditentry, approvals_payload")
        cursor.execute("RESET session_replication_role")
        cursor.execute("RESET statement_timeout")


def _row(number: int, line: dict[str, Any]) -> tuple[Any, ...]:
    told = json.loads(line["body"])
    prev, made = bytes.fromhex(told["prev"]), bytes.fromhex(line["hash"])
    ticket = int(told["stream"].removeprefix("ticket/"))
    who = (1, told["actor"]) if told["actor"] else (None, "")
    where = (number, ticket, told["stream"], told["seq"])
    return (*where, told["type"], *who, told["at"], line["body"].encode(), prev, made)


def _watched(*command: str) -> tuple[Any, float, int]:
    began = time.perf_counter()
    manage = Path(__file__).parents[2] / "manage.py"
    answer = subprocess.run(
        [sys.executable, "-c", WATCHED, sys.executable, str(manage), *command],
        capture_output=True, text=True, check=True, env=dict(os.environ),
    )  # fmt: skip
    seconds = time.perf_counter() - began
    said = json.loads(answer.stdout) if "--json" in command else answer.stdout
    return said, seconds, round(int(answer.stderr.split()[-1]) * 1024 / 1e6)


def _floor() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    for start in range(0, ENTRIES, 5_000):
        with connection.cursor() as cursor, cursor.connection.cursor(binary=True) as driver:
            rows = driver.execute(
                "SELECT entry.body, payload.body FROM approvals_auditentry AS entry"
                " LEFT JOIN approvals_payload AS payload ON payload.entry_id = entry.id"
                " WHERE entry.id > %s AND entry.id <= %s",
                [start, start + 5_000],
            )
            for body, payload in rows:
                hashlib.sha256(body).digest()
                hashlib.sha256(payload or b"").digest()


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
