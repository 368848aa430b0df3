"""What there is to look at: tickets at each risk and in each state, and the pages that show them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission

from agents.models import Run
from approvals import bulk, claims, clock, deadlines, handovers, presence, snoozes, tickets, tokens
from approvals.audit import erasure, sealing
from approvals.models import AuditEntry, Policy, Ticket
from approvals.notices import channels
from approvals.states import DecisionType, Execution, NoticeKind, Scope
from tests import factories

HOSTILE = "Pay bob\u202e100\u202c <script>alert(1)</script> now\u200b, it is **urgent**"

SCHEMA = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "description": "In euros."},
        "to": {"type": "string", "title": "Recipient"},
        "urgent": {"type": "boolean"},
        "purpose": {"type": ["string", "null"]},
        "method": {"enum": ["sepa", "swift"]},
        "notify": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["amount", "to"],
}


#: A field of every kind that the form of an edit knows.
EVERY_KIND = {
    "type": "object",
    "required": ["amount", "to"],
    "properties": {
        "amount": {"type": "number", "description": "In euros.", "maximum": 1000},
        "to": {"type": "string", "title": "Recipient", "minLength": 3},
        "note": {"type": "string", "maxLength": 2000, "description": "What the recipient reads."},
        "due": {"type": "string", "format": "date"},
        "days": {"type": "array", "items": {"enum": ["mon", "tue"]}, "uniqueItems": True},
        "lines": {"type": "array", "items": {"properties": {"item": {"type": "string"}, "price": {"type": "number"}}}},
        "speed": {"oneOf": [{"const": 1, "title": "Slow"}, {"const": 2, "title": "Fast"}]},
        "how": {
            "oneOf": [
                {"title": "By card", "properties": {"card": {"type": "string"}}, "additionalProperties": False},
                {"title": "Later", "properties": {"days": {"type": "integer"}}, "additionalProperties": False},
            ]
        },
        "payer": {"properties": {"address": {"properties": {"city": {"type": "string"}}}}},
        "currency": {"const": "EUR"},
        "ledger": {"type": "string", "readOnly": True},
        "any": {},
        "left_out": {"type": ["string", "null"]},
    },
}


def busy_day(cast: dict[str, Any]) -> dict[str, str]:
    """A busy day: tickets at each risk and in each state, and the pages that show them."""
    alice, carol, dave = cast["alice"], cast["carol"], cast["dave"]
    factories.make_policy("Mail", action="send_email", risk="medium", requirements={"reviewers": 1})
    factories.make_policy(
        "Purges", action="purge_account", risk="critical", deadline_seconds=240, requirements={"reviewers": 2}
    )
    transfer = factories.open_ticket(
        args={
            "amount": 250.5,
            "to": "bob",
            "urgent": True,
            "purpose": None,
            "method": "sepa",
            "notify": ["a@b.example"],
        },
        args_schema=SCHEMA,
        requester=dave,
        thread_id="invoice-2201",
        reasoning=HOSTILE,
        confidence=0.72,
        evidence=[
            {"title": "Invoice 2201", "text": "250.50 euros, due on Friday", "source": "https://billing.example/2201"},
            {"title": "", "text": HOSTILE, "source": "javascript:alert(1)"},
        ],
        case_for="The invoice is due on Friday.",
        context=[
            {"role": "user", "content": "transfer 250.50 to bob for the invoice"},
            {"role": "agent", "content": "", "tool_calls": [{"name": "search", "args": {"query": "bob"}, "id": "1"}]},
            {"role": "tool", "name": "search", "content": "bob\u202e is a known payee"},
            {"role": "agent", "content": "I will transfer the money now."},
        ],
    )
    body = "Dear Ana,\n\n" + "the quarterly figures are attached and need your signature. " * 12
    mail = factories.open_ticket("send_email", args={"to": "ana@example.com", "subject": "Figures", "body": body})
    purge = factories.open_ticket("purge_account", args={"name": "acme", "options": {"keep": ["invoices"], "depth": 2}})
    edited = factories.open_ticket(args={"amount": 9000, "to": "erin"}, requester=dave)
    factories.decide(edited, carol)
    factories.decide(edited, alice, "edit", args={"amount": 900, "to": "erin"}, message="One zero too many.")
    done = factories.open_ticket("send_email", args={"to": "bob@example.com", "subject": "Hello", "body": "Hi"})
    factories.decide(done, alice, message="Fine.")
    factories.force([done], execution=Execution.SUCCEEDED, result="Sent to bob@example.com.")
    refused = factories.open_ticket("send_email", args={"to": "all@example.com", "subject": "Sale", "body": "Buy"})
    factories.decide(refused, alice, "reject", message="Not to everybody.")
    factories.make_policy(
        "Orders", action="order", position=1, requirements={"finance": 1}, steps=[("reviewers", 1, 7200)]
    )
    order = factories.open_ticket("order", args={"item": "chairs", "quantity": 12}, requester=dave)
    deadlines.expire(factories.overdue(order, 86_400).pk)
    handovers.give(order.pk, giver=carol, receiver=alice, note="You know the supplier.")
    claims.take(order.pk, person=cast["bob"])
    snoozes.put_off(mail.pk, person=alice, seconds=600)
    factories.make_policy("Search", action="search", risk="low", gate="auto")
    auto = factories.open_ticket("search", args={"query": "invoices"}, requester=alice)
    late = factories.open_ticket("send_email", args={"to": "late@example.com", "subject": "Late", "body": "Hm"})
    deadlines.expire(factories.overdue(late).pk)
    Run.objects.create(
        thread_id="invoice-2201",
        graph="operations",
        requester=dave,
        status="paused",
        input={"message": "transfer 250.50 to bob for the invoice"},
        transcript=transfer.context,
    )
    Run.objects.create(
        thread_id=done.thread_id, graph="operations", requester=alice, status="succeeded", output="The mail is sent."
    )
    return {
        "inbox": "/",
        "inbox_team": "/?tab=team",
        "inbox_filtered": "/?risk=high&q=bob",
        "decided": "/decided/",
        "bulk": f"/bulk/?ticket={mail.pk}&ticket={purge.pk}",
        "settings": "/settings/",
        "keys": "/help/keys/",
        "welcome": "/welcome/",
        "practice_low": "/welcome/practice/low/",
        "practice_medium": "/welcome/practice/medium/",
        "practice_critical": "/welcome/practice/critical/",
        "ticket_high": transfer.get_absolute_url(),
        "ticket_medium": mail.get_absolute_url(),
        "ticket_critical": purge.get_absolute_url(),
        "ticket_edited": edited.get_absolute_url(),
        "ticket_done": done.get_absolute_url(),
        "ticket_rejected": refused.get_absolute_url(),
        "ticket_auto": auto.get_absolute_url(),
        "ticket_expired": late.get_absolute_url(),
        "ticket_looked_after": order.get_absolute_url(),
        "runs": "/runs/",
        "policies": "/policies/",
        "run": "/runs/invoice-2201/",
        "run_done": f"/runs/{done.thread_id}/",
        "account": "/accounts/password/change/",
        "mfa": "/accounts/2fa/",
        "email": "/accounts/email/",
        "connections": "/accounts/3rdparty/",
        "totp": "/accounts/2fa/totp/activate/",
        "sign_out": "/accounts/logout/",
        "missing": "/tickets/99999/",
    }


def rarer_pages(cast: dict[str, Any]) -> dict[str, str]:
    """On the same day: a secret, a doubt that somebody has answered, several decided at once, tokens and channels."""
    alice, carol, dave = cast["alice"], cast["carol"], cast["dave"]
    secret = factories.open_ticket(
        args={"amount": 20, "to": "bob", "auth": {"password": "correct horse", "pin": 4711}}, requester=dave
    )
    doubtful = factories.open_ticket(requester=dave)
    for signer in (carol, alice):
        factories.decide(doubtful, signer)
    factories.claim(doubtful)
    tickets.record_execution(
        doubtful.pk, execution=Execution.UNKNOWN, error="TimeoutError: the bank did not answer.", is_over=True
    )
    question = Ticket.objects.get(about=doubtful)
    factories.decide(question, carol, "respond", message="Paid on 3 March, reference 4711.")
    offers = [
        factories.open_ticket("send_email", args={"to": f"{name}@example.com", "subject": "Offer"})
        for name in ("ina", "jan")
    ]
    digests = {offer.pk: offer.digest for offer in offers} | {offers[1].pk: "0" * 64}
    batch = bulk.record(digests, reviewer=alice, kind=DecisionType.REJECT, message="No offers.", now=clock.now())
    form = factories.open_ticket(
        args={
            "amount": 420,
            "to": "ACME GmbH",
            "note": "Dear Ana,\n\nplease find the invoice below. " * 12,
            "due": "2026-11-30",
            "days": ["mon"],
            "lines": [{"item": "chair", "price": 20}, {"item": "table", "price": 99.5}],
            "speed": 1,
            "how": {"card": "visa"},
            "payer": {"address": {"city": "Berlin"}},
            "currency": "EUR",
            "ledger": "7",
            "any": {"x": [1, {"y": None}]},
            "unknown": "kept",
        },
        args_schema=EVERY_KIND,
        requester=dave,
    )
    presence.note(form, carol, is_deciding=True)
    presence.note(form, cast["bob"], is_deciding=False)
    tokens.create(alice, scope=Scope.DECIDE, actor=alice, name="From my phone")
    kinds = [NoticeKind.ESCALATED, NoticeKind.EXPIRING]
    channels.add(
        actor=alice,
        person=alice,
        name="Chat",
        address="slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        kinds=kinds,
    )
    return {
        "ticket_kinds": f"{form.get_absolute_url()}edit/",
        "snooze": f"{form.get_absolute_url()}snooze/",
        "ticket_secret": secret.get_absolute_url(),
        "ticket_question": question.get_absolute_url(),
        "ticket_in_doubt": doubtful.get_absolute_url(),
        "batch": f"/bulk/{batch.pk}/",
        "tokens": "/settings/tokens/",
        "notifications": "/settings/notifications/",
    }


def for_auditors(cast: dict[str, Any]) -> dict[str, str]:
    """Alice may read the record and the figures; trips that people keep correcting, one of them erased."""
    may_read = Permission.objects.filter(codename__in=("view_auditentry", "view_ticket"))
    cast["alice"].user_permissions.add(*may_read)
    factories.make_policy("Trips", action="book_trip", risk="medium", recall_seconds=0, requirements={"reviewers": 1})
    for number in range(21):
        trip = factories.open_ticket("book_trip", args={"to": "Paris", "days": number})
        if number % 2:
            factories.decide(trip, cast["bob"], "edit", args={"to": "Paris", "days": 1}, message="One day will do.")
        else:
            factories.decide(trip, cast["bob"])
    sealing.seal()
    factories.claim(trip)
    tickets.record_execution(trip.pk, execution=Execution.SUCCEEDED)
    erasure.erase(trip.pk, reason="asked for by the person")
    entry = AuditEntry.objects.filter(type="decision.recorded").latest("pk")
    return {
        "insights": "/insights/",
        "audit": "/audit/",
        "audit_filtered": "/audit/?person=alice&kind=decision.recorded",
        "audit_ticket": f"/audit/?ticket={trip.pk}",
        "audit_wrong": "/audit/?ticket=seven",
        "audit_entry": f"/audit/{entry.pk}/",
    }


def for_admins() -> dict[str, str]:
    """The admin: what it lists, what it changes, and the page about the machinery."""
    policy = Policy.objects.latest("pk")
    lists = ("policy", "policyversion", "actioncard", "freeze", "token", "ticket", "auditentry", "grant")
    return {
        "admin": "/admin/",
        "admin_operations": "/admin/operations/",
        "admin_policy": f"/admin/approvals/policy/{policy.pk}/change/",
        "admin_policy_new": "/admin/approvals/policy/add/",
        "admin_people": "/admin/auth/user/",
        "admin_runs": "/admin/agents/run/",
        "admin_effects": "/admin/agents/effect/",
        **{f"admin_{name}": f"/admin/approvals/{name}/" for name in lists},
    }
