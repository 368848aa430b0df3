from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The wiring: settings, addresses, `up`."""

    name = "hitl_site"
    verbose_name = "Countersign"

    def ready(self) -> None:
        """Whoever signs in is in the record."""
        from hitl_site import attendance  # it knows people, who are known only now

        attendance.connect()
