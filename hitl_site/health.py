"""Is it alive, is it ready, what does it count; and what to say when the database is not there."""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse

if TYPE_CHECKING:
    from django.http import HttpRequest

NOT_RUNNING = "Countersign's database is not running: start it with `manage.py up`, or set DATABASE_URL."
_UNREACHABLE = ("connection", "connect", "could not translate", "couldn't get", "timeout expired")
_LOST = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
#: What Postgres says of itself when it is not there for us: the connection broke, it stops or starts, connections,
#: memory or the disk have run out, files cannot be read, or it is a standby.
_GONE = ("08", "57P", "53", "58", "25006")
#: Who asks whether this is ready does not wait for a pool that waits for the server.
_PING_SECONDS = 2
_migrated = False
NOT_YOURS = (
    "These figures are for this machine, for staff who signed in, and for the bearer of COUNTERSIGN_METRICS_TOKEN."
)
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")


def explain(error: OperationalError) -> str | None:
    """Say in one sentence why there is no database; None when the error is about something else."""
    words = " ".join(str(error).split())
    refused = any(hint in words.lower() for hint in _UNREACHABLE) and "timeout" not in _state(error)
    if not refused:
        return None
    if settings.EMBEDDED_POSTGRES:
        return NOT_RUNNING
    return f"DATABASE_URL cannot be reached: {words}"


def is_away(error: BaseException | None) -> bool:
    """Was the database not reached, here or under whatever was raised because of it?"""
    for _ in range(10):
        if isinstance(error, _LOST) and str(getattr(_driver(error), "sqlstate", None) or "08").startswith(_GONE):
            return True
        error = error and (error.__cause__ or error.__context__)
    return False


def _driver(error: BaseException) -> BaseException:
    """The driver's own error, which knows what Postgres said."""
    return error.__cause__ if isinstance(error, DatabaseError) and error.__cause__ else error


def _state(error: OperationalError) -> str:
    """Postgres answered with an error code of its own: then it was reached."""
    return "timeout" if getattr(error.__cause__, "sqlstate", None) else ""


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process does."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database answers and every migration is applied, else 503 and why.

    More lines say what keeps the work from being done: people must reach the pages that tell them so.
    """
    from hitl_site import readiness  # the command line needs this module before the apps are there

    try:
        problem = _unready()
    except (DatabaseError, psycopg.Error) as error:
        problem = " ".join(str(error).split())
    if problem:
        return HttpResponse(f"{problem}\n", status=503, content_type="text/plain")
    told = "\n".join(["ready", *readiness.shortcomings(), ""])
    return HttpResponse(told, content_type="text/plain")


def _is_from_here(request: HttpRequest) -> bool:
    """Asked on this machine itself. What a proxy here passes on names the public host or says so in a header."""
    host = urlsplit(f"//{request.get_host()}").hostname
    passed_on = any(name in request.headers for name in _FORWARDED)
    return request.META.get("REMOTE_ADDR") in _LOOPBACK and host in _LOOPBACK | {"localhost"} and not passed_on


def _bears_token(request: HttpRequest) -> bool:
    token: str = settings.COUNTERSIGN_METRICS_TOKEN
    told = request.headers.get("Authorization", "").encode()
    return bool(token) and compare_digest(told, f"Bearer {token}".encode())


def _is_staff(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_staff


def _unready() -> str:
    global _migrated
    _ping()
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "" if _migrated else "Migrations are missing: run `manage.py migrate`."


def _ping() -> None:
    """On a connection of its own: the pool's would wait, and keep a thread that pages need."""
    known = {**connection.get_connection_params(), "connect_timeout": _PING_SECONDS}
    with psycopg.connect(**known) as own:
        own.execute("SELECT 1")


@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Hand Prometheus this process's figures and what waits in the database."""
    from hitl_site import figures

    if not (_is_from_here(request) or _bears_token(request) or _is_staff(request)):
        status = 403 if request.user.is_authenticated else 401
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        return HttpResponse(f"{NOT_YOURS}\n", status=status, content_type="text/plain", headers=headers)
    return HttpResponse(figures.page(), content_type=figures.CONTENT_TYPE)
