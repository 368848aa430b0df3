"""What `/metrics` shows: sums only, nothing of what a ticket says."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Iterator
from datetime import timedelta
from math import inf

from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django.db.models.functions import Greatest, Now
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
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
#: Seconds: a worker is nudged at once, and a sweep finds what no nudge reached.
DELIVERY = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, inf)
RELEASED = ("ticket__resolved_at", "ticket__release_at")

Gauge("countersign_sockets", "Open live connections of this process.").set_function(hub.open_sockets)


class _Entries:
    """The record only grows, so each scrape counts what has come since the last; an entry counts a minute late."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._tally: Tally[str] = Tally()
        self._told: Tally[float] = Tally()
        self._waited = timedelta()

    def by_type(self) -> dict[str, int]:
        """How many entries of each type there are."""
        with self._lock:
            new = AuditEntry.objects.filter(pk__gt=self._last, at__lt=Now() - SETTLED).order_by()
            last = new.aggregate(last=Max("pk"))["last"]
            if last is not None:
                self._count(new.filter(pk__lte=last))
                self._last = last
            return dict(self._tally)

    def until_told(self) -> Metric:
        """From when an answer was final until its agent had it, over what was counted last."""
        buckets = [(str(limit).replace("inf", "+Inf"), self._told[limit]) for limit in DELIVERY]
        words = "How long after a ticket was released its agent was told."
        total = self._waited.total_seconds()
        return HistogramMetricFamily("countersign_delivery_seconds", words, buckets=buckets, sum_value=total)

    def _count(self, new: QuerySet[AuditEntry]) -> None:
        for type, count in new.values_list("type").annotate(Count("pk")):
            self._tally[type] += count
        told = new.filter(type="ticket.delivered").annotate(waited=F("at") - Greatest(*RELEASED))
        within = {f"within_{n}": Count("pk", filter=_is_within(limit)) for n, limit in enumerate(DELIVERY)}
        found = told.aggregate(sum=Sum("waited"), **within)
        self._waited += found["sum"] or timedelta()
        self._told.update({limit: found[f"within_{n}"] for n, limit in enumerate(DELIVERY)})


def _is_within(seconds: float) -> Q:
    return Q(waited__isnull=False) if seconds == inf else Q(waited__lte=timedelta(seconds=seconds))


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
        yield self._entries.until_told()


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
