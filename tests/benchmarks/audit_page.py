"""What the page of the record costs with 1,000,000 entries, beside the least that the database can do for it.

The probe reads fifty keys of an index and nothing else; a page reads its entries, their words, the seals, and draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from approvals import entries
from approvals.audit import sealing
from approvals.entries import Wanted
from approvals.models import AuditEntry
from tests import factories
from tests.benchmarks import stage

NUMBER, ROUNDS = 1_000_000, 20
#: Ten entries a ticket; twenty people, one of whom did little; one action is rare.
_ENTRIES = """
INSERT INTO approvals_auditentry (ticket_id, stream, seq, type, actor_id, actor_name, at, body, prev, hash)
SELECT %(ticket)s, 'past/' || n / 10, 1 + n %% 10, made.type, person.id, person.username, made.at,
    convert_to('{"actor":"' || person.username || '","at":"' || made.at || '","facts":{},"method":"password",'
        || '"payload":null,"prev":"' || repeat('ab', 32) || '","seq":' || 1 + n %% 10 || ',"stream":"past/' || n / 10
        || '","ticket":{"action":"' || CASE WHEN n %% 50000 = 7 THEN 'purge_account' ELSE
            (ARRAY['transfer_money', 'send_email', 'create_order', 'delete_data'])[1 + n / 10 %% 4] END
        || '","digest":"' || repeat(md5(n::text), 2) || '","policy":"Past","policy_version":3,"revision":1},"type":"'
        || made.type || '","v":2}', 'UTF8'),
    decode(repeat('ab', 32), 'hex'), sha256(n::text::bytea)
FROM generate_series(1, %(number)s) AS n
CROSS JOIN LATERAL (SELECT
    (ARRAY['ticket.opened', 'decision.recorded', 'ticket.approved', 'ticket.delivered', 'execution.started',
        'execution.succeeded', 'claim.taken', 'claim.released', 'decision.recorded', 'revision.created'])[1 + n %% 10]
        AS type,
    clock_timestamp() - make_interval(secs => 7776000 * (1 - n::float / %(number)s)) AS at) AS made
JOIN auth_user AS person ON person.username = CASE WHEN n %% 40000 = 3 THEN 'erin' ELSE 'person-' || n %% 19 END
"""
PAGES = {
    "latest": "/audit/",
    "page_400": "/audit/?after={middle}",
    "person": "/audit/?person=person-3",
    "rare_person": "/audit/?person=erin",
    "action": "/audit/?action=send_email",
    "rare_action": "/audit/?action=purge_account",
    "kind": "/audit/?kind=decision.recorded",
    "a_day_long_ago": "/audit/?since={since}&until={until}",
    "person_action_kind": "/audit/?person=person-3&action=send_email&kind=revision.created",
    "entry": "/audit/{entry}/",
    "floor": "/help/keys/",
}


def run() -> dict[str, Any]:
    """Pages, their queries alone, and the probe, in milliseconds; made and sealed in how many seconds."""
    settings.ALLOWED_HOSTS = ["*"]
    auditor = User.objects.create(username="auditor", is_superuser=True)
    User.objects.bulk_create(User(username=name) for name in [*(f"person-{n}" for n in range(19)), "erin"])
    made = _timed(_make)
    sealed = _timed(sealing.seal)
    places, client = _places(), Client()
    client.force_login(auditor)
    calls: dict[str, Callable[[], object]] = {
        name: partial(_get, client, address.format(**places)) for name, address in PAGES.items()
    }
    calls |= {"query_latest": lambda: _query(auditor, ""), "query_page_400": lambda: _query(auditor, places["middle"])}
    calls["probe"] = _probe
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            samples[name].append(_timed(call))
    spreads = {name: stage.spread(seconds[2:]) for name, seconds in samples.items()}
    ratio = spreads["query_page_400"]["p50"] / max(spreads["query_latest"]["p50"], 0.01)
    figures = {"entries": NUMBER, "made_s": round(made, 1), "sealed_s": round(sealed, 1), "unit": "ms"}
    return {**figures, "rounds": ROUNDS, **spreads, "page_400_over_first": round(ratio, 2)}


def _make() -> None:
    ticket = factories.open_ticket()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(_ENTRIES, {"number": NUMBER, "ticket": ticket.pk})
        cursor.execute("ANALYZE approvals_auditentry")
        cursor.execute("RESET statement_timeout")


def _places() -> dict[str, str]:
    newest = AuditEntry.objects.latest("pk").pk
    middle, old = AuditEntry.objects.get(pk=newest - 400 * 50), AuditEntry.objects.get(pk=newest - NUMBER // 2)
    day = f"{old.at:%Y-%m-%d}"
    cursor = f"{int(middle.at.timestamp() * 1_000_000)}-{middle.pk}"
    return {"middle": cursor, "entry": str(old.pk), "since": f"{day}T00:00", "until": f"{day}T23:59"}


def _get(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)


def _query(reader: User, after: str) -> object:
    return entries.page(reader, Wanted(), after=after)


def _probe() -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT at, id FROM approvals_auditentry ORDER BY at DESC, id DESC LIMIT 51")
        return cursor.fetchall()


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
