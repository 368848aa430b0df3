"""A full inbox: many tickets that wait, made in SQL from one of each kind that was opened the real way."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection

from approvals.models import Policy
from tests import factories
from tests.benchmarks import stage

BODY = "the quarterly figures are attached and need your signature. " * 6
#: What is asked for, how often in a hundred, and who signs.
KINDS: tuple[tuple[str, int, str, dict[str, int], dict[str, Any]], ...] = (
    ("send_email", 60, "medium", {"reviewers": 1}, {"to": "ana@example.com", "subject": "Figures", "body": BODY}),
    ("transfer_money", 30, "high", {"finance": 1, "reviewers": 1}, {"amount": 250, "to": "bob"}),
    ("delete_data", 9, "high", {"reviewers": 1, "security": 1}, {"name": "report-7"}),
    ("purge_account", 1, "critical", {"security": 2}, {"name": "acme"}),
)
_WORDS = """
INSERT INTO approvals_wordlist (ticket_id, words)
SELECT ticket.id, template.words || to_tsvector('simple', 'reference ' || ticket.id %% 977)
FROM approvals_ticket AS ticket, approvals_wordlist AS template
WHERE template.ticket_id = %(template)s AND ticket.thread_id LIKE %(prefix)s || '%%'
"""

PEOPLE = {"alice": "reviewers", "bob": "reviewers", "carol": "finance", "frank": "security", "dave": None}

_TICKETS = """
INSERT INTO approvals_ticket SELECT made.* FROM approvals_ticket AS template, generate_series(1, %(number)s) AS n,
LATERAL jsonb_populate_record(template, jsonb_build_object(
    'id', nextval('approvals_ticket_id_seq'), 'thread_id', %(prefix)s || n, 'interrupt_id', md5(n::text),
    'digest', repeat(md5(n::text), 2), 'escalations', CASE WHEN n %% 100 = 3 THEN 1 ELSE 0 END,
    'deadline_at', clock_timestamp() + make_interval(secs => 3600 + (n * 7919) %% 86400)
)) AS made WHERE template.id = %(template)s
"""
_REVISIONS = """
INSERT INTO approvals_revision (ticket_id, number, args, digest, created_at)
SELECT ticket.id, 1, template.args || jsonb_build_object('reference', ticket.id %% 977), ticket.digest, ticket.opened_at
FROM approvals_ticket AS ticket, approvals_revision AS template
WHERE template.ticket_id = %(template)s AND ticket.thread_id LIKE %(prefix)s || '%%'
"""
_REQUIREMENTS = """
INSERT INTO approvals_ticketrequirement (ticket_id, group_id, needed, waits)
SELECT ticket.id, template.group_id, template.needed, template.waits
FROM approvals_ticket AS ticket, approvals_ticketrequirement AS template
WHERE template.ticket_id = %(template)s AND ticket.thread_id LIKE %(prefix)s || '%%'
"""


def people() -> dict[str, User]:
    """The cast, each in one group."""
    found = {}
    for name, group in PEOPLE.items():
        found[name] = User.objects.create(username=name)
        if group:
            found[name].groups.add(Group.objects.get_or_create(name=group)[0])
    return found


def make(number: int, *, requester: User) -> None:
    """So many tickets, of all kinds, due within a day."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for action, share, risk, requirements, args in KINDS:
            if not Policy.objects.filter(name=action).exists():
                factories.make_policy(action, action=action, risk=risk, requirements=requirements)
            template = factories.open_ticket(action, args=args, requester=requester)
            facts = {"number": number * share // 100 - 1, "template": template.pk, "prefix": f"waiting-{template.pk}-"}
            with stage.unrecorded(cursor):
                for statement in (_TICKETS, _REVISIONS, _REQUIREMENTS, _WORDS):
                    cursor.execute(statement, facts)
        cursor.execute("ANALYZE")
        cursor.execute("RESET statement_timeout")
