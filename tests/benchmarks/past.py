"""A past: many tickets that people have decided, made in SQL from one that was opened the real way."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.db import connection

from tests import factories
from tests.benchmarks import stage

#: Nine actions in ten are transfers and mail, recipients repeat, one in ten was rejected and one in twenty edited,
#: under three versions of a policy.
_TICKETS = """
INSERT INTO approvals_ticket SELECT made.* FROM approvals_ticket AS template, generate_series(1, %(number)s) AS n,
LATERAL jsonb_populate_record(template, jsonb_build_object(
    'id', template.id + n,
    'thread_id', 'past-' || n, 'interrupt_id', md5(n::text), 'digest', repeat(md5(n::text), 2),
    'action', (ARRAY['transfer_money', 'send_email', 'transfer_money', 'send_email', 'create_order'])[1 + n %% 5],
    'policy_version', 1 + (3 * n - 1) / %(number)s,
    'confidence', (n %% 100) / 100.0,
    'state', CASE WHEN n %% 10 = 0 THEN 'rejected' ELSE 'approved' END,
    'outcome', CASE WHEN n %% 10 = 0 THEN 'rejected' WHEN n %% 20 = 7 THEN 'edited' ELSE 'approved' END,
    'opened_at', clock_timestamp() - make_interval(secs => %(seconds)s * (1 - n::float / %(number)s)),
    'resolved_at', clock_timestamp() - make_interval(secs => %(seconds)s * (1 - n::float / %(number)s)),
    'release_at', clock_timestamp(), 'delivered_at', clock_timestamp()
)) AS made WHERE template.id = %(template)s
"""
_REVISIONS = """
INSERT INTO approvals_revision (ticket_id, number, args, digest, created_at)
SELECT id, 1, CASE action
    WHEN 'send_email' THEN jsonb_build_object(
        'to', 'p' || id % 500 || '@example.com', 'subject', 'Figures of the month', 'body', repeat('Dear Ana, ', 30))
    ELSE jsonb_build_object('amount', id % 2000, 'to', 'payee-' || id % 500)
END, digest, opened_at FROM approvals_ticket WHERE thread_id LIKE 'past-%'
"""


def make(number: int, *, days: float, args: bool = True) -> None:
    """So many tickets, spread evenly over the last days; without their arguments where nothing reads them."""
    reviewers = Group.objects.get_or_create(name="reviewers")[0]
    dave = User.objects.create(username="dave")
    User.objects.create(username="alice").groups.add(reviewers)
    template = factories.open_ticket(requester=dave)
    facts = {"number": number, "seconds": days * 86_400, "template": template.pk}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        with stage.unrecorded(cursor):
            cursor.execute(_TICKETS, facts)
            if args:
                cursor.execute(_REVISIONS)
        cursor.execute("SELECT setval(pg_get_serial_sequence('approvals_ticket', 'id'), max(id)) FROM approvals_ticket")
        cursor.execute("ANALYZE approvals_ticket, approvals_revision")
        cursor.execute("RESET statement_timeout")
