"""The web process: HTTP by Django, sockets by Channels. LangGraph is never imported here."""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hitl_site.settings")
django.setup(set_prefix=False)  # the imports below need it

from channels.auth import AuthMiddlewareStack  # noqa: E402 - needs Django set up
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - needs Django set up
from channels.security.websocket import OriginValidator  # noqa: E402 - needs Django set up
from django.conf import settings  # noqa: E402 - needs Django set up
from django.db import connection  # noqa: E402 - needs Django set up

from approvals import routing  # noqa: E402 - needs Django set up
from hitl_site import memory  # noqa: E402 - needs Django set up
from hitl_site.handlers import OneHop  # noqa: E402 - needs Django set up

if "daphne.server" in sys.modules:  # other servers do this by themselves
    from hitl_site import backpressure

    backpressure.install()

#: Without a database people are told so after this long; workers wait longer, because nobody looks on.
PATIENCE_SECONDS = 0.75
connection.settings_dict["OPTIONS"].get("pool", {})["timeout"] = PATIENCE_SECONDS

application = ProtocolTypeRouter(
    {
        "http": OneHop(),
        "websocket": OriginValidator(
            AuthMiddlewareStack(URLRouter(routing.websocket_urlpatterns)), settings.WEBSOCKET_ORIGINS
        ),
    }
)

memory.settle()
