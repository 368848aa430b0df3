"""A long download costs the same memory however long it is and however slowly it is read, and ends with its reader."""

from __future__ import annotations

import multiprocessing
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from tests import daphne
from tests.browser.stage import GUEST

pytestmark = pytest.mark.django_db(transaction=True)

#: A file of more than 50 MB: whatever keeps it in memory is seen.
ENTRIES, SIZE = 15_000, 50_000_000
_ENTRIES = """
INSERT INTO approvals_auditentry (stream, seq, type, actor_name, body, prev, hash)
SELECT 'system/long', n, 'drill', '', convert_to('{"facts":{"text":"' || repeat('x', 3500) || '"}}', 'UTF8'),
    sha256(''), sha256(n::text::bytea) FROM generate_series(1, %s) AS n
"""
_OPEN = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = %s AND xact_start IS NOT NULL AND query LIKE '%%approvals_auditentry%%'
"""
PATIENCE_SECONDS, MOST_MB = 5.0, 35


@pytest.fixture
def download(client: Client, admin: Any, test_database: str) -> Iterator[Callable[[str], socket.socket]]:
    """Ask a real web process for the record; what comes of it is read from the socket, or not."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, [ENTRIES])
    client.force_login(admin)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    with daphne.serving(DATABASE_URL=test_database) as address:
        host, port = str(urlsplit(address).hostname), int(urlsplit(address).port or 0)

        def download(format: str = "jsonl") -> socket.socket:
            asked = socket.create_connection((host, port), timeout=60)
            head = f"GET /audit/record.{format} HTTP/1.0\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n\r\n"
            asked.sendall(head.encode())
            assert b"200" in asked.recv(15)
            return asked

        yield download


def memory() -> int:
    """Of the web process, in MB."""
    [process] = multiprocessing.active_children()
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def is_reading() -> bool:
    """Does the web process still read the record?"""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [GUEST])
        return bool(cursor.fetchone()[0])


def holds(condition: Callable[[], bool]) -> bool:
    """Is it so, now and as long as somebody would wait?"""
    end = time.monotonic() + PATIENCE_SECONDS
    while condition():
        if time.monotonic() > end:
            return True
        time.sleep(0.05)
    return False


def test_who_stops_reading_costs_no_memory_and_who_leaves_ends_the_query(download: Any) -> None:
    with download() as asked:
        before = memory()
        assert holds(is_reading)
        assert memory() - before < MOST_MB
        asked.shutdown(socket.SHUT_RDWR)
    assert not holds(is_reading)


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_who_reads_gets_all_of_it_in_flat_memory(download: Any, format: str) -> None:
    with download(format) as asked:
        before = most = memory()
        size, lines, looked = 0, 0, 0
        while piece := asked.recv(1 << 20):
            size, lines = size + len(piece), lines + piece.count(b"\n")
            if size - looked > 1_000_000:
                most, looked = max(most, memory()), size
    assert lines > ENTRIES and most - before < MOST_MB
    assert format == "csv" or size > SIZE
