"""Is it alive, is it ready, what does it count; and what to say when the database is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse

if TYPE_CHECKING:
    from django.http import HttpRequest

NOT_RUNNING = "Countersign's database is not running: start it with `manage.py up`, or set DATABASE_URL."
_UNREACHABLE = ("connection", "connect", "could not translate", "couldn't get", "timeout expired")
_migrated = False


def explain(error: OperationalError) -> str | None:
    """Say in one sentence why there is no database; None when the error is about something else."""
    words = " ".join(str(error).split())
    refused = any(hint in words.lower() for hint in _UNREACHABLE) and "timeout" not in _state(error)
    if not refused:
        return None
    if settings.EMBEDDED_POSTGRES:
        return NOT_RUNNING
    return f"DATABASE_URL cannot be reached: {words}"


def _state(error: OperationalError) -> str:
    """Postgres answered with an error code of its own: then it was reached."""
    return "timeout" if getattr(error.__cause__, "sqlstate", None) else ""


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process does."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database answers and every migration is applied, else 503 and why."""
    try:
        problem = _unready()
    except DatabaseError as error:
        problem = " ".join(str(error).split())
    if problem:
        return HttpResponse(f"{problem}\n", status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")


def _unready() -> str:
    global _migrated
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "" if _migrated else "Migrations are missing: run `manage.py migrate`."


@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Hand Prometheus this process's figures and what waits in the database."""
    from hitl_site import figures

    return HttpResponse(figures.page(), content_type=figures.CONTENT_TYPE)
