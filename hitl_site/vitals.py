"""How this installation stands: its workers, its queue, what waits, what nobody knows, and on which database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Now
from procrastinate.contrib.django.models import ProcrastinateJob

from agents import leases
from agents.models import Effect, EffectState, Worker
from approvals.models import Delivery, Notice, NoticeChannel, Ticket, Webhook
from approvals.states import DeliveryState

_STALLED = """
SELECT count(*) FROM procrastinate_jobs AS job LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
WHERE job.status = 'doing' AND coalesce(worker.last_heartbeat < now() - make_interval(secs => %s), true)
"""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The jobs that nudge workers, by status, and those whose worker has gone."""

    jobs: Mapping[str, int]
    stalled: int


def workers() -> Sequence[Worker]:
    """The workers that gave a sign of life within a lease."""
    alive = Worker.objects.filter(kind="worker", ended_at=None, seen_at__gt=Now() - leases.TTL)
    return list(alive.order_by("host", "pid"))


def queue() -> Queue:
    """What is to be done, and what nobody does any more."""
    counted = ProcrastinateJob.objects.order_by().values_list("status").annotate(Count("pk"))
    with connection.cursor() as cursor:
        cursor.execute(_STALLED, [leases.TTL.total_seconds()])
        return Queue(jobs=dict(counted), stalled=cursor.fetchone()[0])


def oldest_pending() -> timedelta:
    """How long the oldest ticket that waits for people has waited; nothing where none does."""
    asked = Ticket.objects.pending().annotate(age=Now() - F("opened_at"))
    return asked.aggregate(oldest=Max("age"))["oldest"] or timedelta()


def unknown_effects() -> int:
    """Effects of which nobody knows whether they happened."""
    return Effect.objects.filter(state=EffectState.UNKNOWN).count()


def notices() -> Mapping[str, int]:
    """How many notifications wait, were given up, or may or may not have arrived."""
    return dict(Notice.objects.order_by().values_list("state").annotate(Count("pk")))


def failing_channels() -> Sequence[NoticeChannel]:
    """Channels whose last message did not arrive."""
    return list(NoticeChannel.objects.exclude(error="").select_related("person", "group").order_by("-failed_at")[:50])


def deliveries() -> Mapping[str, int]:
    """How many messages to webhooks wait, wait to be sent again, or were given up."""
    waiting = Q(state__in=(DeliveryState.WAITING, DeliveryState.SENDING))
    return Delivery.objects.exclude(state=DeliveryState.SENT).aggregate(
        waiting=Count("pk", filter=waiting),
        retried=Count("pk", filter=waiting & ~Q(error="")),
        failed=Count("pk", filter=Q(state=DeliveryState.FAILED)),
    )


def failing_webhooks() -> Sequence[Webhook]:
    """Webhooks with a message that did not arrive: how many wait, how many were given up, when and why at last."""
    missing = Q(deliveries__state__in=(DeliveryState.WAITING, DeliveryState.SENDING, DeliveryState.FAILED))
    of_each = Delivery.objects.filter(webhook=OuterRef("pk")).exclude(Q(state=DeliveryState.SENT) | Q(error=""))
    last = of_each.order_by("-tried_at", "-pk")
    failing = Webhook.objects.filter(missing & ~Q(deliveries__error="")).annotate(
        retried=Count("deliveries", filter=~Q(deliveries__state=DeliveryState.FAILED)),
        given_up=Count("deliveries", filter=Q(deliveries__state=DeliveryState.FAILED)),
        failed_at=Max("deliveries__tried_at"),
        error=Subquery(last.values("error")[:1]),
    )
    return list(failing.order_by("-failed_at")[:50])


def database() -> str:
    """Which Postgres this is, in words."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))")
        version, size = cursor.fetchone()
    kind = "embedded, in the data dir" if settings.EMBEDDED_POSTGRES else "a server of its own (DATABASE_URL)"
    return f"Postgres {version}, {kind}, {size}"
