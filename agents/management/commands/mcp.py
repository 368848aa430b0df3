"""Countersign for clients of the Model Context Protocol."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents.remote.errors import Unusable

MISSING = "The package mcp is missing here: uv sync --extra mcp."


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
        try:
            self._serve(**options)
        except Unusable as error:
            raise CommandError(str(error), returncode=2) from None

    def _serve(self, **options: Any) -> None:
        try:
            from agents.remote import mcp_server
        except ModuleNotFoundError as error:
            raise CommandError(MISSING, returncode=2) from error
        url = options["url"] or settings.PUBLIC_URL
        if not options["http"]:
            token = mcp_server.token_of_this_process()
            if not token:
                raise CommandError(
                    "COUNTERSIGN_TOKEN is not set: a token that asks (create_token --scope request).", returncode=2
                )
            mcp_server.server(base_url=url, token=token).run()
            return
        host, _, port = options["http"].rpartition(":")
        if not (host and port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
            raise CommandError("--http takes HOST:PORT, such as 127.0.0.1:8765.", returncode=2)
        mcp_server.server(base_url=url).run("streamable-http", host=host, port=int(port), stateless_http=True)
