"""A POST to an address that somebody typed in: https alone, to a public place, no redirect, and not for long.

The name is resolved once, every address it has is looked at, and the connection goes to the one that was looked at: a
name that points elsewhere a moment later leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

SECONDS = 5.0
#: For all of one message: whoever answers a letter at a time, each within SECONDS, would hold a thread for hours.
SECONDS_IN_ALL = 20.0
#: Addresses that hold an IPv4 address inside: NAT64.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: All that is given out for the internet; what lies outside is for some network's own use, however it is called.
_UNICAST = ipaddress.ip_network("2000::/3")
#: In there and among the IPv4 addresses, also those that Python does not know yet: the old 6to4 relays, protocols,
#: Teredo among them, and examples.
_SPECIAL = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20"))
)


class NotTaken(Exception):
    """Why it was not taken."""

    #: Nobody was reached, so the next message to the same place need not be tried now.
    is_away = False


class Away(NotTaken):
    """Why nobody was reached."""

    is_away = True


def post(address: str, *, body: bytes, headers: Mapping[str, str]) -> None:
    """Send it. Raises NotTaken unless the answer is a 2xx."""
    url = httpcore.URL(address)
    if url.scheme != b"https":
        raise Away("only https is used")
    sent: dict[bytes | str, bytes | str] = {"Host": _host(url), **dict(headers.items())}
    pinned = Pinned(until=time.monotonic() + SECONDS_IN_ALL)
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)
    try:
        with (
            httpcore.ConnectionPool(ssl_context=ssl.create_default_context(), network_backend=pinned) as pool,
            pool.stream("POST", url, headers=sent, content=body, extensions={"timeout": timeouts}) as answer,
        ):
            status = answer.status
    except (OSError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise Away(str(error) or type(error).__name__) from error
    if not 200 <= status < 300:
        raise NotTaken(f"it answered {status}")


def complaint(address: str) -> str:
    """Why nothing will ever be sent there, as far as the address itself tells; empty where that is not known."""
    try:
        url = urlsplit(address)
    except ValueError:
        return "This is no address."
    if url.scheme != "https":
        return "Write an https address, as in https://hooks.example.com/x: plain http is not used for any host."
    host = url.hostname or ""
    if host in settings.COUNTERSIGN_WEBHOOK_HOSTS or not _is_inside(host):
        return ""
    return f"{host} is no public address, so nothing is sent there unless COUNTERSIGN_WEBHOOK_HOSTS names it."


def is_public(address: str) -> bool:
    """Is this IP address one of the internet's, also by what is embedded in it?"""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _SPECIAL)


class Timed(httpcore.NetworkStream):
    """A connection that is over at a moment of the monotonic clock, whatever trickles in until then."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream, self._until = stream, until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come. Raises Away where the time is over."""
        return self._stream.read(max_bytes, _left(self._until, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send it. Raises Away where the time is over."""
        self._stream.write(buffer, _left(self._until, timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection under TLS, over at the same moment."""
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._until, timeout))
        return Timed(stream, self._until)

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """What is known of the connection underneath."""
        return self._stream.get_extra_info(info)


class Pinned(httpcore.SyncBackend):
    """Connects to exactly the address that was looked at, until a moment of the monotonic clock."""

    def __init__(self, *, until: float) -> None:
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises Away where the name leads into a network of our own."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Away(f"the name {host} is not known") from error
        addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
        is_allowed = host in settings.COUNTERSIGN_WEBHOOK_HOSTS
        if not is_allowed and not all(map(is_public, addresses)):
            raise Away(f"{host} is not a public address (COUNTERSIGN_WEBHOOK_HOSTS names exceptions)")
        timeout = _left(self._until, timeout)
        return Timed(super().connect_tcp(addresses[0], port, timeout, local_address, socket_options), self._until)


def _left(until: float, timeout: float | None) -> float:
    """How long the next step may take. Raises Away where the time is over."""
    left = until - time.monotonic()
    if left <= 0:
        raise Away(f"it took longer than {SECONDS_IN_ALL:g} seconds in all")
    return left if timeout is None else min(left, timeout)


def _is_inside(host: str) -> bool:
    """Is it, without a question to anybody, a place of our own?"""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(host if ":" in host else socket.inet_ntoa(socket.inet_aton(host)))
    except (OSError, ValueError):
        return False  # a name, which is asked for when something is sent


def _host(url: httpcore.URL) -> str:
    host = url.host.decode()
    host = f"[{host}]" if ":" in host else host
    return host if url.port in {None, 443} else f"{host}:{url.port}"
