from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The wiring: settings, addresses, `up`."""

    name = "hitl_site"
    verbose_name = "Countersign"
