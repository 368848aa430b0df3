from django.db import migrations

from approvals import vault

ROWS = [
    (
        "SELECT id, address FROM approvals_noticechannel",
        "UPDATE approvals_noticechannel SET address = %s WHERE id = %s",
    ),
    ("SELECT id, secret FROM approvals_webhook", "UPDATE approvals_webhook SET secret = %s WHERE id = %s"),
]


def change(how):
    """In SQL: a model of that time would open what is not locked yet."""

    def changed(apps, schema_editor):
        with schema_editor.connection.cursor() as cursor:
            for found, keep in ROWS:
                cursor.execute(found)
                cursor.executemany(keep, [(how(words), pk) for pk, words in cursor.fetchall()])

    return changed


class Migration(migrations.Migration):
    dependencies = [("approvals", "0045_locked")]

    operations = [migrations.RunPython(change(vault.lock), change(vault.open_))]
