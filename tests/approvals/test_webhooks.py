"""Webhooks: signed, sent again until they are taken, and never into a network of our own."""

from __future__ import annotations

import json
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from approvals.audit import sealing
from approvals.models import AuditEntry, Delivery, Webhook
from approvals.states import DeliveryState
from approvals.webhooks import gathering, outbound, sending
from tests.factories import decide, open_ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]


class Post(BaseHTTPRequestHandler):
    """Takes a message, or answers what it is told to."""

    def do_POST(self) -> None:
        server: Any = self.server
        server.heard.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        for letter in server.trickles:
            self.wfile.write(letter.encode())
            time.sleep(0.02)
        self.send_response(server.says)
        self.send_header("Location", server.elsewhere)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for this machine, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(names, critical=False).add_extension(x509.BasicConstraints(True, None), critical=True)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(key.private_bytes(*form) + pem)
    return path


@pytest.fixture
def receiver(certificate, monkeypatch, settings):
    """A program elsewhere that takes messages over TLS."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Post)
    server.heard, server.says, server.elsewhere, server.trickles = [], 200, "", ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.COUNTERSIGN_WEBHOOK_HOSTS = ["localhost"]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.hook = Webhook.objects.create(name="Receiver", address=f"https://localhost:{server.server_port}/hook")
    yield server
    server.shutdown()
    server.server_close()


def tell_programs() -> int:
    sealing.seal()
    gathering.gather()
    return sum(map(sending.send, sending.due()))


def test_what_happens_to_a_ticket_is_told_once_in_order_and_signed(receiver, cast, transfers):
    ticket = open_ticket(args={"amount": 31_337, "to": "bob"})
    decide(ticket, cast["alice"], "reject", message="not this one")
    assert (tell_programs(), tell_programs()) == (2, 0)
    told = [json.loads(body) for _, body in receiver.heard]
    assert [message["type"] for message in told] == ["ticket.opened", "ticket.rejected"]
    assert told[1]["ticket"]["state"] == "rejected" and told[1]["ticket"]["id"] == ticket.pk
    assert not any(b"31337" in body or b"not this one" in body for _, body in receiver.heard)
    headers, body = receiver.heard[0]
    signed = sending.signature(receiver.hook.secret, int(headers["Countersign-Timestamp"]), body)
    assert headers["Countersign-Signature"] == f"v1={signed}"
    assert sending.signature(receiver.hook.secret, int(headers["Countersign-Timestamp"]) + 1, body) != signed


def test_a_webhook_of_one_graph_hears_of_no_other(receiver, transfers):
    Webhook.objects.update(graph="elsewhere")
    open_ticket()
    assert tell_programs() == 0


def test_what_is_not_taken_is_sent_again_given_up_and_sent_by_hand(receiver, transfers):
    receiver.says = 500
    open_ticket()
    for _ in range(12):
        tell_programs()
        Delivery.objects.update(due_at=Now())
    dead = Delivery.objects.get()
    assert (dead.state, dead.attempts, len(receiver.heard)) == (DeliveryState.FAILED, 8, 8)
    assert "500" in dead.error
    receiver.says = 204
    assert sending.again([dead.pk], actor=None) == 1
    kinds = AuditEntry.objects.filter(stream=sending.STREAM).order_by("seq").values_list("type", flat=True)
    assert list(kinds) == ["delivery.given_up", "delivery.sent_again"]
    assert tell_programs() == 1


def test_the_dead_letters_are_sent_again_in_the_admin(receiver, client, admin, transfers):
    open_ticket()
    sealing.seal(), gathering.gather()
    Delivery.objects.update(state="failed")
    client.force_login(admin)
    where = "/admin/approvals/delivery/"
    client.post(where, {"action": "again", "_selected_action": Delivery.objects.get().pk})
    assert Delivery.objects.get().state == DeliveryState.WAITING
    assert AuditEntry.objects.get(type="delivery.sent_again").actor_name == "admin"


def test_the_waits_grow(receiver, transfers):
    receiver.says = 503
    open_ticket()
    tell_programs()
    first = Delivery.objects.get()
    assert first.due_at - first.tried_at >= timedelta(seconds=59)
    assert list(sending.WAITS) == sorted(sending.WAITS) and sum(sending.WAITS, timedelta()) < timedelta(days=1)


def test_a_redirect_is_not_followed(receiver, transfers):
    receiver.says, receiver.elsewhere = 302, receiver.hook.address
    open_ticket()
    assert tell_programs() == 0
    assert len(receiver.heard) == 1 and "302" in Delivery.objects.get().error


def test_where_nobody_is_only_the_first_is_tried(receiver, transfers):
    Webhook.objects.update(address="https://localhost:1/")
    open_ticket(), open_ticket()
    assert tell_programs() == 0
    assert {one.state for one in Delivery.objects.all()} == {DeliveryState.WAITING}
    assert sending.due() == []


def test_who_answers_a_letter_at_a_time_holds_nobody_for_long(receiver, monkeypatch, transfers):
    monkeypatch.setattr(outbound, "SECONDS_IN_ALL", 0.3)
    receiver.trickles = "HTTP/1.1 200 OK\r\nX-Letters: " + "a" * 100
    open_ticket()
    assert tell_programs() == 0
    assert Delivery.objects.get().error in {"it took longer than 0.3 seconds in all", "The read operation timed out"}


def test_a_certificate_of_somebody_else_is_refused(receiver, monkeypatch, transfers):
    monkeypatch.delenv("SSL_CERT_FILE")
    open_ticket()
    assert tell_programs() == 0 and receiver.heard == []
    assert "certificate" in Delivery.objects.get().error.lower()


INSIDE = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254"),
    *("192.168.0.1", "192.168.255.255", "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.127.255.255"),
    *("192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("239.255.255.255", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%lo", "fc00::1"),
    *("fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::"),
    *("2002:a9fe:a9fe::", "2001:db8::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    *("64:ff9b:1::7f00:1", "64:ff9b:1::808:808", "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"),
    *("192.88.99.1", "2002:c058:6301::", "192.0.0.9", "3fff::1", "3fff:fff::1", "5f00::1", "2001:1::1", "100::1"),
    *("4000::1", "64:ff9b::c058:6301"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_of_ours_counts_as_public(address):
    assert not outbound.is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::101:101", "2002:101:101::"]
)
def test_an_address_of_the_internet_does(address):
    assert outbound.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "https://127.0.0.1",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://2130706433",
            "https://0x7f000001",
        ),
        *(
            "https://0177.0.0.1",
            "https://127.1",
            "https://localhost",
            "https://hooks.localhost",
            "https://0",
            "https://[::]",
            "https://[64:ff9b::7f00:1]",
        ),
    ],
)
def test_however_it_is_written_nobody_inside_hears_of_it(address, receiver, settings):
    settings.COUNTERSIGN_WEBHOOK_HOSTS = []
    with pytest.raises(outbound.NotTaken):
        outbound.post(f"{address}:{receiver.server_port}/", body=b"{}", headers={})
    assert receiver.heard == []


def test_a_name_that_points_elsewhere_a_moment_later_leads_nowhere_else(receiver, settings, monkeypatch):
    """The name is asked once: what a second answer would say makes no difference."""
    settings.COUNTERSIGN_WEBHOOK_HOSTS = []
    answers = iter([["203.0.113.9", "127.0.0.1"], ["127.0.0.1"]])
    asked = []

    def resolve(host: str, port: int, **kwargs: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", (address, port)) for address in next(answers)]

    monkeypatch.setattr(outbound.socket, "getaddrinfo", resolve)
    with pytest.raises(outbound.NotTaken, match="not a public address"):
        outbound.post(f"https://rebinding.example:{receiver.server_port}/", body=b"{}", headers={})
    assert len(asked) == 1 and receiver.heard == []


@pytest.mark.parametrize("address", ["http://example.com", "file:///etc/passwd", "ftp://example.com", "gopher://x"])
def test_only_https_is_used(address):
    with pytest.raises(outbound.NotTaken, match="https"):
        outbound.post(address, body=b"", headers={})
    with pytest.raises(IntegrityError), transaction.atomic():
        Webhook.objects.create(name="Wrong", address=address)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://localhost:9911/wh", "Write an https address"),
        ("ftp://hooks.example.com/", "Write an https address"),
        ("https://[::1", "This is no address."),
        ("https://10.0.0.1/x", "COUNTERSIGN_WEBHOOK_HOSTS"),
        ("https://127.1/", "COUNTERSIGN_WEBHOOK_HOSTS"),
        ("https://[::1]/", "COUNTERSIGN_WEBHOOK_HOSTS"),
        ("https://localhost/", "COUNTERSIGN_WEBHOOK_HOSTS"),
    ],
)
def test_an_address_to_which_nothing_is_sent_is_refused_when_it_is_saved(client, admin, settings, address, why):
    settings.COUNTERSIGN_WEBHOOK_HOSTS = ["hooks.internal"]
    client.force_login(admin)
    page = client.post("/admin/approvals/webhook/add/", {"name": "CI", "address": address}).content.decode()
    assert why in page and not Webhook.objects.exists()
    assert outbound.complaint("https://hooks.internal/x") == outbound.complaint("https://1.1.1.1/") == ""


def test_the_secret_is_shown_once(client, admin):
    client.force_login(admin)
    said = {"name": "CI", "address": "https://hooks.example.com/x", "enabled": "on"}
    page = client.post("/admin/approvals/webhook/add/", said, follow=True).content.decode()
    hook = Webhook.objects.get()
    assert hook.secret in page
    assert hook.secret not in client.get(f"/admin/approvals/webhook/{hook.pk}/change/").content.decode()
