"""Rights for a role that the application uses instead of the owner of the tables.

The triggers that keep the record written once can be switched off by whoever owns a table. A role that owns nothing
cannot, and has no right to change or delete what is written once in the first place.
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
        for name, rights in tables:
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
