"""The tickets that are there already say whom they ask, and are found by their words."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

ASKED = """
UPDATE approvals_ticket AS ticket SET asked = found.asked, asked_now = found.asked_now
FROM (
    SELECT ticket_id, array_agg(group_id ORDER BY id) AS asked,
        coalesce(array_agg(group_id ORDER BY id) FILTER (WHERE NOT waits), '{}') AS asked_now
    FROM approvals_ticketrequirement GROUP BY ticket_id
) AS found
WHERE ticket.id = found.ticket_id
"""

# Nearly as `lexemes` cuts them; a ticket that is edited gets its words from there.
WORDS = r"""
INSERT INTO approvals_wordlist (ticket_id, words)
SELECT ticket.id, to_tsvector('simple', regexp_replace(lower(left(concat_ws(
    ' ', ticket.action, ticket.graph, requester.username, ticket.description, ticket.reasoning, revision.args::text
), 100000)), '[^[:alnum:]]+', ' ', 'g'))
FROM approvals_ticket AS ticket
JOIN approvals_revision AS revision ON revision.ticket_id = ticket.id AND revision.number = ticket.revision
LEFT JOIN auth_user AS requester ON requester.id = ticket.requester_id
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("approvals", "0020_inbox"), ("auth", "0012_alter_user_first_name_max_length")]

    operations: ClassVar = [
        migrations.RunSQL(ASKED, migrations.RunSQL.noop),
        migrations.RunSQL(WORDS, migrations.RunSQL.noop),
    ]
