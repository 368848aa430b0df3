"""Signed heads are brought to a folder, a syslog and a web address, and a place that is away holds up nobody."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from approvals.audit import heads, keys, notes, places, sealing
from approvals.models import HeadExport, Seal
from hitl_site import environment
from tests import factories
from tests.audit.hands import unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture
def seal(cast: Any) -> Seal:
    """A head over the entries of one ticket."""
    factories.open_ticket("unknown_action")
    sealing.seal()
    return Seal.objects.last()  # type: ignore[return-value]


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    """A web address that keeps what it is sent in `taken` and answers with `status`."""

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.server.taken.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(self.server.status)
            self.send_header("Content-Length", str(self.server.promised))
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Keeper) as server:
        server.taken, server.status, server.promised = [], 200, 0
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def bring(settings: Any, *addresses: str) -> dict[str, HeadExport]:
    settings.COUNTERSIGN_HEAD_PLACES = addresses
    places.bring()
    return {export.place: export for export in HeadExport.objects.all()}


def is_our_note(words: str, seal: Seal) -> bool:
    return notes.opened(words, keys.known()).size == seal.size


def test_a_folder_gets_a_file_for_each_head_and_keeps_the_earlier(seal: Seal, settings: Any, tmp_path: Path) -> None:
    place = f"file://{tmp_path}"
    bring(settings, place)
    factories.open_ticket("unknown_action")
    sealing.seal()
    export = bring(settings, place)[place]
    newest = Seal.objects.last()
    assert newest and export.size == newest.size > seal.size
    kept = sorted(tmp_path.iterdir())
    assert [is_our_note(file.read_text(), head) for file, head in zip(kept, (seal, newest), strict=True)] == [True] * 2


def test_another_head_over_as_many_entries_is_not_written_over(seal: Seal, settings: Any, tmp_path: Path) -> None:
    place = f"file://{tmp_path}"
    (tmp_path / f"head.{seal.size:012}").write_text("another")
    export = bring(settings, place)[place]
    assert (export.size, "another head over as many entries" in export.error) == (0, True)
    assert (tmp_path / f"head.{seal.size:012}").read_text() == "another"


def test_a_syslog_gets_one_line(seal: Seal, settings: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        bring(settings, f"syslog://127.0.0.1:{listener.getsockname()[1]}")
        said = listener.recv(10_000).decode()
    head, _, note = said.partition(" - head - ")
    assert head.startswith("<109>1 ") and "\n" not in said
    assert is_our_note(note.replace("|", "\n") + "\n", seal)


def test_a_syslog_over_tcp_gets_the_length_first(seal: Seal, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        bring(settings, f"syslog+tcp://127.0.0.1:{listener.getsockname()[1]}")
        with listener.accept()[0] as sender:
            length, _, said = sender.makefile("rb").read().partition(b" ")
    assert int(length) == len(said) and said.startswith(b"<109>1 ")


def test_a_syslog_of_this_machine_gets_one_line(
    seal: Seal, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"syslog+unix://{tmp_path}/log"
    monkeypatch.setenv("COUNTERSIGN_HEAD_PLACES", place)
    assert environment.places("COUNTERSIGN_HEAD_PLACES") == [place]
    assert "No such file" in bring(settings, place)[place].error
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"{tmp_path}/log")
        listener.settimeout(5)
        assert bring(settings, place)[place].error == ""
        said = listener.recv(10_000).decode()
    assert is_our_note(said.partition(" - head - ")[2].replace("|", "\n") + "\n", seal)


def test_a_web_address_gets_the_note(seal: Seal, settings: Any, receiver: Any) -> None:
    bring(settings, f"http://127.0.0.1:{receiver.server_port}/heads")
    assert [is_our_note(words, seal) for words in receiver.taken] == [True]


def test_without_tls_a_web_address_is_one_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "http://127.0.0.1:8700/heads,http://[::1]/,http://localhost/"
    monkeypatch.setenv("COUNTERSIGN_HEAD_PLACES", own)
    assert environment.places("COUNTERSIGN_HEAD_PLACES") == own.split(",")


def test_the_words_of_an_answer_are_not_waited_for(seal: Seal, settings: Any, receiver: Any) -> None:
    place, receiver.promised = f"http://127.0.0.1:{receiver.server_port}/", 10
    assert bring(settings, place)[place].error == ""


def test_what_a_place_has_is_not_brought_again(seal: Seal, settings: Any, receiver: Any) -> None:
    place = f"http://127.0.0.1:{receiver.server_port}/"
    bring(settings, place)
    bring(settings, place)
    assert len(receiver.taken) == 1


def test_a_place_that_is_away_holds_up_no_other_and_is_tried_again(
    seal: Seal, settings: Any, receiver: Any, tmp_path: Path
) -> None:
    away, folder = f"http://127.0.0.1:{receiver.server_port}/", f"file://{tmp_path}"
    receiver.status = 503
    found = bring(settings, "syslog+tcp://127.0.0.1:1", away, folder)
    assert (found[away].error, found[away].failed_at is None, found[folder].size) == (
        "it answered 503",
        False,
        seal.size,
    )
    receiver.status = 200
    assert (bring(settings, away)[away].size, HeadExport.objects.get(place=away).error) == (seal.size, "")


@pytest.fixture
def claimed(seal: Seal, settings: Any, tmp_path: Path) -> str:
    """A folder that has the head, and of which the database says that it has one that nobody ever signed."""
    settings.DATA_DIR = tmp_path
    (tmp_path / "heads").mkdir()
    place = f"file://{tmp_path}/heads"
    bring(settings, place)
    HeadExport.objects.update(size=10**9)
    return place


def test_a_number_in_the_database_keeps_no_head_from_leaving(
    claimed: str, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert places.unreached() == [claimed]
    factories.open_ticket("unknown_action")
    sealing.seal()
    newest = Seal.objects.last()
    assert newest and bring(settings, claimed)[claimed].size == newest.size
    assert is_our_note((tmp_path / "heads" / f"head.{newest.size:012}").read_text(), newest)
    assert "somebody changed that" in caplog.text and places.unreached() == []


def test_a_record_that_was_rolled_back_sends_no_older_head(claimed: str, settings: Any, tmp_path: Path) -> None:
    with unguarded() as superuser:
        superuser.execute("UPDATE approvals_seal SET root = sha256(root)")
    heads.path().write_text(Seal.objects.get().note)
    assert bring(settings, claimed)[claimed].size == 10**9


def test_a_place_that_lacks_the_head_for_long_is_named(seal: Seal, settings: Any) -> None:
    settings.COUNTERSIGN_HEAD_PLACES = ["syslog+tcp://127.0.0.1:1"]
    assert places.unreached() == []
    with unguarded() as superuser:
        superuser.execute("UPDATE approvals_seal SET at = at - interval '1 hour'")
    assert places.unreached() == ["syslog+tcp://127.0.0.1:1"]


@pytest.mark.parametrize(
    "words",
    [
        "/var/heads",
        "file://relative/heads",
        "syslog://",
        "syslog+unix://log",
        "ftp://example.com/",
        "https://",
        "http://example.com/heads",
        "syslog://example.com:0",
    ],
)
def test_a_place_that_makes_no_sense_stops_the_start_with_one_sentence(words: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("COUNTERSIGN_HEAD_PLACES", words)
    with pytest.raises(ImproperlyConfigured, match="COUNTERSIGN_HEAD_PLACES names"):
        environment.places("COUNTERSIGN_HEAD_PLACES")
