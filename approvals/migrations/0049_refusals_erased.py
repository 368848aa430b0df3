from django.db import migrations

# Erasing a ticket has not always taken the sentence that refused it out of what was decided together.
FORGET = """
UPDATE approvals_batch AS batch SET refused = batch.refused - erased.keys FROM (
    SELECT told.id, array_agg(key) AS keys
    FROM approvals_batch AS told CROSS JOIN LATERAL jsonb_object_keys(told.refused) AS key
    JOIN approvals_ticket AS ticket ON ticket.id = key::bigint AND ticket.erased_at IS NOT NULL
    GROUP BY told.id
) AS erased WHERE erased.id = batch.id
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0048_keyed_requests")]

    operations = [migrations.RunSQL(FORGET, migrations.RunSQL.noop)]
