"""What `/metrics` shows: sums only, nothing of what a ticket says."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Max
from django.db.models.functions import Now
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from agents.models import Run
from approvals.audit import sealing
from approvals.live import hub
from approvals.models import AuditEntry, Ticket
from hitl_site import vitals

CONTENT_TYPE = CONTENT_TYPE_LATEST
#: An entry gets its number before it is committed, but never so long before.
SETTLED = timedelta(seconds=60)

Gauge("countersign_sockets", "Open live connections of this process.").set_function(hub.open_sockets)


class _Entries:
    """The record only grows, so each scrape counts what has come since the last; an entry counts a minute late."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._tally: Tally[str] = Tally()

    def by_type(self) -> dict[str, int]:
        """How many entries of each type there are."""
        with self._lock:
            new = AuditEntry.objects.filter(pk__gt=self._last, at__lt=Now() - SETTLED)
            last = new.aggregate(last=Max("pk"))["last"]
            if last is not None:
                for type, count in new.filter(pk__lte=last).order_by().values_list("type").annotate(Count("pk")):
                    self._tally[type] += count
                self._last = last
            return dict(self._tally)


class _Database(Collector):
    """Counted at each scrape, so every process tells the same."""

    def __init__(self) -> None:
        self._entries = _Entries()

    def collect(self) -> Iterator[Metric]:
        """Yield what the database tells."""
        tickets = Ticket.objects.order_by().values_list("state").annotate(Count("pk"))
        yield _gauges("countersign_tickets", "Tickets by state.", "state", dict(tickets))
        runs = Run.objects.order_by().values_list("status").annotate(Count("pk"))
        yield _gauges("countersign_runs", "Runs by status.", "status", dict(runs))
        queue = vitals.queue()
        yield _gauges("countersign_jobs", "Jobs in the queue by status.", "status", dict(queue.jobs))
        yield _gauge("countersign_stalled_jobs", "Jobs whose worker has gone.", queue.stalled)
        oldest = vitals.oldest_pending().total_seconds()
        yield _gauge("countersign_oldest_pending_seconds", "Age of the oldest ticket that waits for people.", oldest)
        unknown = vitals.unknown_effects()
        yield _gauge("countersign_unknown_effects", "Effects of which nobody knows whether they happened.", unknown)
        yield _gauge("countersign_workers", "Workers with a sign of life.", len(vitals.workers()))
        lag = sealing.lag().total_seconds()
        yield _gauge("countersign_seal_lag_seconds", "How long the oldest entry without a seal has waited.", lag)
        entries = CounterMetricFamily(
            "countersign_entries",
            "Entries of the record by type: decisions, deliveries, effects, failures, sign-ins.",
            labels=["type"],
        )
        for type, count in self._entries.by_type().items():
            entries.add_metric([type], count)
        yield entries


def _gauges(name: str, words: str, label: str, counted: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value, count in counted.items():
        family.add_metric([value], count)
    return family


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


_database = CollectorRegistry()
_database.register(_Database())


def page() -> bytes:
    """Render everything in Prometheus's text format."""
    return generate_latest(_database) + generate_latest(REGISTRY)
