"""Rights for a role that the application uses instead of the owner of the tables.

The triggers that keep the record written once can be switched off by whoever owns a table. A role that owns nothing
cannot, and has no right to change or delete what is written once in the first place. Where one value is added later,
or a few change, it may write those columns and no other; the triggers say when.
"""

from __future__ import annotations

from django.db import connection, transaction
from psycopg import sql

from approvals import audit

STREAM = "system/rights"

_ROLE = """
SELECT rolsuper OR pg_has_role(rolname, current_user, 'MEMBER') FROM pg_roles WHERE rolname = %s
"""
#: Each table of ours, and what the application does with it. What is written once says so by its own trigger; its
#: number and the transaction that wrote it are the database's to say, and an entry with others would break the record.
_TABLES = """
SELECT relname, CASE
    WHEN relname IN ('django_migrations', 'checkpoint_migrations') THEN 'SELECT'
    WHEN EXISTS (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname LIKE '%%\\_written\\_once')
        THEN 'SELECT, INSERT (' || (
            SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = pg_class.oid
                AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attname <> 'xid'
        ) || ')'
    WHEN relname = 'agents_effect' THEN 'SELECT, INSERT, UPDATE'
    ELSE 'SELECT, INSERT, UPDATE, DELETE'
END
FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY relname
"""


#: What else it changes of a table that is written once. A lock on a row needs a column that it may write, too.
_ADDED = {
    "approvals_decision": "UPDATE (withdrawn_at)",
    "approvals_grant": "UPDATE (revoked_at, revoked_by_id)",
}
#: What it does with a table of which it changes only a part. Words go when they are erased, and that is the owner's.
_LESS = {
    "approvals_ticket": "SELECT, INSERT, UPDATE (allowed_decisions, bar_requester, confirm_text, "
    "deadline_at, delivered_at, deny_threshold, digest, error, escalations, execution, extensions, gate, grant_id, "
    "least_signers, message, on_timeout, outcome, policy, policy_name, policy_version, recall_seconds, release_at, "
    "resolved_at, result, revision, risk, shortage, state)",
    "approvals_ticketrequirement": "SELECT, INSERT, UPDATE (needed, waits), DELETE",
    "approvals_batch": "SELECT, INSERT, UPDATE (refused)",
    "approvals_freeze": "SELECT, INSERT, UPDATE (cleared_at, cleared_by_id, cleared_because)",
    "approvals_keyedrequest": "SELECT, INSERT, DELETE",
    "approvals_remoterequest": "SELECT, INSERT, UPDATE (claim)",
    "approvals_token": "SELECT, INSERT, UPDATE (last_used_at, revoked_at), DELETE",
    "approvals_wordlist": "SELECT, INSERT, UPDATE (words)",
}


class NoSuchRole(Exception):
    """There is nobody of that name."""


class TooMighty(Exception):
    """The role may do everything the owner may, so taking rights away says nothing."""


def grant(role: str) -> int:
    """Give the role what the application needs, and nothing more; how many tables. Harmless when repeated.

    Raises NoSuchRole, or TooMighty for a superuser, the owner, and members of the owner's role.
    """
    who = sql.Identifier(role)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ROLE, [role])
        found = cursor.fetchone()
        if found is None:
            raise NoSuchRole
        if found[0]:
            raise TooMighty
        cursor.execute(_TABLES)
        tables = cursor.fetchall()
        for name, told in tables:
            rights = ", ".join(filter(None, (_LESS.get(name, told), _ADDED.get(name))))
            of = {"table": sql.Identifier(name), "who": who, "rights": sql.SQL(rights)}
            cursor.execute(sql.SQL("REVOKE ALL ON {table} FROM {who}").format(**of))
            cursor.execute(sql.SQL("GRANT {rights} ON {table} TO {who}").format(**of))
        for order in (
            "GRANT USAGE ON SCHEMA {schema} TO {who}",
            "REVOKE CREATE ON SCHEMA {schema} FROM {who}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {who}",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {who}",
        ):
            cursor.execute("SELECT current_schema()")
            schema = sql.Identifier(cursor.fetchone()[0])
            cursor.execute(sql.SQL(order).format(schema=schema, who=who))
        audit.append("rights.granted", stream=STREAM, role=role, tables=len(tables))
    return len(tables)
