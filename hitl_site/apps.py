from __future__ import annotations

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured

from approvals import traces


class SiteConfig(AppConfig):
    """The wiring: settings, addresses, `up`."""

    name = "hitl_site"
    verbose_name = "Countersign"

    def ready(self) -> None:
        """Whoever signs in is in the record; traces go where the environment says."""
        from hitl_site import attendance  # it knows people, who are known only now

        attendance.connect()
        try:
            traces.begin()
        except traces.NotInstalled as error:
            raise ImproperlyConfigured(str(error)) from error
