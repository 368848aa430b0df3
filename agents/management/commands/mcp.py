"""Countersign for clients of the Model Context Protocol."""

from __future__ import annotations

import asyncio
import importlib
import os
from argparse import ArgumentParser
from types import ModuleType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents.remote import credentials
from agents.remote.connections import Connection
from agents.remote.errors import Unusable

MISSING = "The package mcp is missing here: uv sync --extra mcp."
NOT_SET = "COUNTERSIGN_TOKEN is not set: a token that asks (create_token --scope request)."
NOT_ALIVE = "COUNTERSIGN_TOKEN is no token that lives: make one with create_token --scope request."


class Command(BaseCommand):
    """`mcp [--http HOST:PORT] [--url URL]`: over stdio with COUNTERSIGN_TOKEN, over HTTP each client with its own."""

    help = "Serve request_approval and get_decision over the Model Context Protocol."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where Countersign is, and how clients come."""
        parser.add_argument(
            "--url", default="", help="where Countersign answers (COUNTERSIGN_URL, else its public address)"
        )
        parser.add_argument("--http", default="", metavar="HOST:PORT", help="streamable HTTP at /mcp, not stdio")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until the client goes, or a signal comes."""
        url = options["url"] or settings.PUBLIC_URL
        try:
            if options["http"]:
                self._serve(options["http"], url=url)
            else:
                self._talk(url=url)
        except Unusable as error:
            raise CommandError(str(error), returncode=2) from None

    def _talk(self, *, url: str) -> None:
        """Over stdio. A token that is refused is said before a client waits for the first call to find out."""
        token = os.environ.get("COUNTERSIGN_TOKEN", "")
        if not token:
            raise CommandError(NOT_SET, returncode=2)
        Connection(url, token)  # says what cannot be sent at all
        state = asyncio.run(credentials.state_of(token, base_url=url))
        if state is credentials.State.DEAD:
            raise CommandError(NOT_ALIVE, returncode=2)
        if state is credentials.State.AWAY:
            self.stderr.write(f"Countersign does not answer at {url} yet; what is asked meanwhile is refused.")
        _protocol("mcp_server").server(base_url=url, token=token).run()

    def _serve(self, where: str, *, url: str) -> None:
        host, _, port = where.rpartition(":")
        if not (host and port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
            raise CommandError("--http takes HOST:PORT, such as 127.0.0.1:8765.", returncode=2)
        mcp = _protocol("mcp_server").server(base_url=url)
        names = [host, *settings.ALLOWED_HOSTS]
        _protocol("mcp_http").serve(mcp, base_url=url, host=host.strip("[]"), port=int(port), names=names)


def _protocol(module: str) -> ModuleType:
    """What needs the extra `mcp`."""
    try:
        return importlib.import_module(f"agents.remote.{module}")
    except ModuleNotFoundError as error:
        raise CommandError(MISSING, returncode=2) from error
