"""Messages that are due: signed, sent, and sent again until they are taken or given up.

At least once: a worker that dies in the middle leaves a message that is sent again, with the same id. Whoever receives
them tells doubles by it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import close_old_connections, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from approvals import audit, vault
from approvals.models import Delivery, Webhook
from approvals.states import DeliveryState
from approvals.webhooks import outbound

#: From one try to the next: eight tries in a day.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (60, 300, 900, 3_600, 7_200, 21_600, 43_200))
LOST = timedelta(minutes=5)
BATCH = 50
STREAM = "system/webhooks"


class Sender:
    """One thread for each webhook that has something to get; a slow one holds up nobody else."""

    def __init__(self, *, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="webhooks")
        self._at_work: dict[int, Future[int]] = {}

    def round(self) -> None:
        """Begin to send what is due."""
        lost = Delivery.objects.filter(state=DeliveryState.SENDING, tried_at__lt=Now() - LOST)
        lost.update(state=DeliveryState.WAITING)
        self._at_work = {hook: work for hook, work in self._at_work.items() if not work.done()}
        for hook in set(due()) - set(self._at_work):
            self._at_work[hook] = self._pool.submit(_in_thread, hook)


def due() -> list[int]:
    """The webhooks that are to get something now."""
    found = Delivery.objects.filter(state=DeliveryState.WAITING, due_at__lte=Now(), webhook__enabled=True)
    return list(found.order_by().values_list("webhook", flat=True).distinct())


def send(webhook_id: int) -> int:
    """Send what is due for one webhook, in the order in which it happened; how many were taken."""
    claimed = _claim(webhook_id)
    taken = 0
    for at, delivery in enumerate(claimed):
        try:
            outbound.post(delivery.webhook.address, **signed(delivery, now=int(time.time())))
        except outbound.NotTaken as error:
            # Where nobody is there, the others are not tried one after the other.
            _note_failure(claimed[at:] if error.is_away else [delivery], str(error))
            if error.is_away:
                break
        except vault.Closed as error:
            _note_failure([delivery], str(error))
        else:
            Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.SENT, error="")
            taken += 1
    return taken


def again(ids: Sequence[int], *, actor: User | None) -> int:
    """What was given up is due once more; how many."""
    with transaction.atomic():
        dead = _locked(Delivery.objects.filter(pk__in=ids, state=DeliveryState.FAILED))
        due = Delivery.objects.filter(pk__in=[one.pk for one in dead])
        due.update(state=DeliveryState.WAITING, due_at=Now(), attempts=0)
        for delivery in dead:
            audit.append("delivery.sent_again", stream=STREAM, actor=actor, **_told(delivery))
    return len(dead)


def signed(delivery: Delivery, *, now: int) -> dict[str, Any]:
    """Body and headers. The signature covers the time too, so that an old message cannot be played again."""
    body = json.dumps(message(delivery), separators=(",", ":")).encode()
    return {
        "body": body,
        "headers": {
            "Content-Type": "application/json",
            "User-Agent": "Countersign",
            "Countersign-Id": str(delivery.entry_id),
            "Countersign-Timestamp": str(now),
            "Countersign-Signature": f"v1={signature(delivery.webhook.secret, now, body)}",
        },
    }


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 over time and body, in hex."""
    return hmac.new(secret.encode(), b"%d.%s" % (timestamp, body), hashlib.sha256).hexdigest()


def message(delivery: Delivery) -> dict[str, Any]:
    """What happened, and the ticket as it stood then; arguments and words are asked for over the API."""
    entry = delivery.entry
    ticket = dict(entry.told.get("ticket") or {})
    if entry.ticket is not None:
        ticket |= {"graph": entry.ticket.graph, "thread_id": entry.ticket.thread_id, "risk": entry.ticket.risk}
        ticket["url"] = f"{settings.PUBLIC_URL}{entry.ticket.get_absolute_url()}"
    return {"id": entry.pk, "type": entry.type, "at": entry.at.isoformat(), "ticket": ticket}


def _claim(webhook_id: int) -> list[Delivery]:
    with transaction.atomic():
        Webhook.objects.select_for_update().filter(pk=webhook_id).first()
        waiting = Delivery.objects.filter(
            webhook=webhook_id, webhook__enabled=True, state=DeliveryState.WAITING, due_at__lte=Now()
        )
        claimed = list(waiting.select_related("webhook", "entry__ticket").order_by("entry")[:BATCH])
        Delivery.objects.filter(pk__in=[one.pk for one in claimed]).update(
            state=DeliveryState.SENDING, attempts=F("attempts") + 1, tried_at=Now()
        )
    return claimed


def _note_failure(deliveries: Sequence[Delivery], why: str) -> None:
    with transaction.atomic():
        for delivery in _locked(Delivery.objects.filter(pk__in=[one.pk for one in deliveries])):
            is_over = delivery.attempts > len(WAITS)
            wait = WAITS[min(delivery.attempts, len(WAITS)) - 1]
            noted = {"error": why[:500], "due_at": Now() + wait}
            state = DeliveryState.FAILED if is_over else DeliveryState.WAITING
            Delivery.objects.filter(pk=delivery.pk).update(state=state, **noted)
            if is_over:
                audit.append("delivery.given_up", stream=STREAM, error=why[:500], **_told(delivery))


def _locked(found: QuerySet[Delivery]) -> list[Delivery]:
    return list(found.select_for_update(of=("self",)).select_related("webhook").order_by("pk"))


def _told(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery": delivery.pk,
        "about_entry": delivery.entry_id,
        "webhook": delivery.webhook.name,
        "attempts": delivery.attempts,
    }


def _in_thread(webhook_id: int) -> int:
    close_old_connections()
    try:
        return send(webhook_id)
    finally:
        close_old_connections()
