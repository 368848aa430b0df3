"""The agents app. Its first act makes checkpoints safe to read."""

from __future__ import annotations

import os

from django.apps import AppConfig

# LangGraph reads this once, at import. Without it whatever type a checkpoint names is imported and
# called on load: a row forged in the database would run code in the worker.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"


class AgentsConfig(AppConfig):
    """The runtime: LangGraph lives here and only here."""

    name = "agents"
    default_auto_field = "django.db.models.BigAutoField"
