"""What `/metrics` shows: sums only, nothing of what a ticket says."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from agents.models import Run
from approvals.models import Ticket

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Database(Collector):
    """Counted at each scrape, so every process tells the same."""

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        tickets = GaugeMetricFamily("countersign_tickets", "Tickets by state.", labels=["state"])
        for state, count in Ticket.objects.order_by().values_list("state").annotate(Count("pk")):
            tickets.add_metric([state], count)
        yield tickets
        runs = GaugeMetricFamily("countersign_runs", "Runs by status.", labels=["status"])
        for status, count in Run.objects.order_by().values_list("status").annotate(Count("pk")):
            runs.add_metric([status], count)
        yield runs


_database = CollectorRegistry()
_database.register(_Database())


def page() -> bytes:
    """Render everything in Prometheus's text format."""
    return generate_latest(_database) + generate_latest(REGISTRY)
