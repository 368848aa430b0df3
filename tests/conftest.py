"""A real Postgres for every run, and the cast: who may what.

Alice and Bob are reviewers, Carol and Erin finance, Frank security; Dave is in no group and asks for
things; Admin sees everything. With `DATABASE_URL` the tests use that server; without it they start the
embedded one in a directory of their own. The settings are read when this file is imported, not earlier
(so not through the tool's own option): they must find that directory.
"""

from __future__ import annotations

import functools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.dont_write_bytecode:
    # Nobody wants it beside the sources; but each of a hundred processes would compile LangChain and Django anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parent.parent / ".pytest_cache" / "bytecode")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

HOME = Path(tempfile.mkdtemp(prefix="countersign-test-"))
os.environ["COUNTERSIGN_DATA_DIR"] = str(HOME)
os.environ.setdefault("COUNTERSIGN_DEMO_PASSWORD", "correct horse battery staple")
# Nobody waits in a test unless it is about waiting.
os.environ.setdefault("COUNTERSIGN_SECOND_LOOK_SECONDS", "0")
# Playwright's sync API keeps a loop running in the thread that also uses the ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

os.environ["DJANGO_SETTINGS_MODULE"] = "hitl_site.settings"

from django.conf import settings  # noqa: E402 - reads the environment set above

assert settings.DATA_DIR == HOME

_servers: list[Any] = []


def _start_postgres() -> None:
    from tests.cluster import Cluster

    _servers.append(Cluster(HOME))
    # As in every process of the product; the settings, read before there was a server, chose none. To a new
    # connection everything is new, which costs Postgres more than most tests do; a few are never given back.
    settings.DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 0, "max_size": 60, "timeout": 6, "max_idle": 120}


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes share the whole suite; a few files are quicker in one."""
    return _processes() if config.args == config.getini("testpaths") else 0


def _processes() -> int:
    """One more than there are processors, as much is waited for; three gigabytes each, with the browsers they start."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    usual = max(2, min((os.cpu_count() or 1) + 1, memory // 3, 4))
    return int(os.environ.get("COUNTERSIGN_TEST_PROCESSES") or usual)


#: What takes longest begins first, or one process is left with it at the end. Browsers are not started beside the
#: matrix, which needs the machine for itself.
LONG = (
    "faults/test_matrix",
    "test_state_machine",
    "remote/",
    "concurrency/",
    "test_journey",
    "test_up",
    "agents/",
    "browser/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which files are handed out."""
    items.sort(key=lambda item: next((at for at, name in enumerate(LONG) if name in item.nodeid), len(LONG)))


def pytest_configure(config: pytest.Config) -> None:
    """Who only hands tests out has no directory."""
    if config.getoption("numprocesses") and not hasattr(config, "workerinput"):
        # Left set, the others would read the settings before their own directory is.
        del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing running and nothing behind."""
    for server in _servers:
        server.stop()
    shutil.rmtree(HOME, ignore_errors=True)


#: Empties every table that holds anything. Most tests leave rows in few of them, and to cut all sixty off takes
#: Postgres a hundred times as long. No trigger or foreign key of ours is asked, which only a test may do.
EMPTY = """
DO $$
DECLARE
    name text;
    is_filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOREACH name IN ARRAY string_to_array('{tables}', ' ') LOOP
        CONTINUE WHEN to_regclass(name) IS NULL;
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO is_filled;
        IF is_filled AND pg_relation_size(name::regclass) > 8000000 THEN
            EXECUTE format('TRUNCATE %I CASCADE', name);
        ELSIF is_filled THEN
            EXECUTE format('DELETE FROM %I', name);
        END IF;
    END LOOP;
END $$
"""
#: What migrations made and no test changes.
KEPT = {"django_migrations", "django_content_type", "auth_permission", "django_site"}


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """A copied server has it already, and its folder is taken away at the end."""
    return django_db_keepdb or not os.environ.get("DATABASE_URL")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """A server for each process, once a test of it needs one; on a server that is shared, a name of its own."""
    if os.environ.get("DATABASE_URL"):
        request.getfixturevalue("django_db_modify_db_settings_parallel_suffix")
    else:
        _start_postgres()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Between transactional tests the append-only tables are emptied too, the queue's and the checkpointer's."""
    from django.core.management.commands import flush
    from django.db import connection

    for server in _servers:
        connection.close()
        connection.close_pool()
        server.keep()
    with django_db_blocker.unblock():
        ours = connection.introspection.django_table_names(only_existing=True, include_views=False)
    queue = ("procrastinate_events", "procrastinate_periodic_defers", "procrastinate_jobs")
    saver = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")  # once a test has made them
    empty = EMPTY.format(tables=" ".join([*sorted({*ours} - KEPT), *queue, *saver]))

    def execute_sql_flush(self: Any, sql_list: list[str]) -> None:
        # A head that is kept of a record that is gone would look like a restored database.
        for head in HOME.glob("head*"):
            head.unlink(missing_ok=True)
        with connection.cursor() as cursor:
            cursor.execute(empty)

    connection.ops.__class__.execute_sql_flush = execute_sql_flush
    # Nothing that follows a migration is missing after it: see KEPT.
    flush.emit_post_migrate_signal = lambda *args: None
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # A thread that a test left behind may still hold one, and the database is about to be dropped.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def nobody_has_tried_to_sign_in() -> None:
    """Failed tries are counted in the process, for minutes."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def disk(transactional_db: None) -> Iterator[None]:
    """Postgres waits for the disk, as it does everywhere but here."""
    from django.db import connection

    def tell(word: str) -> None:
        if not _servers:
            return
        _servers[0].wait_for_the_disk(word)
        with connection.cursor() as cursor:
            while cursor.execute("SHOW fsync").fetchone() != (word,):
                time.sleep(0.02)

    tell("on")
    yield
    tell("off")


@pytest.fixture
def data_dir() -> Path:
    """Where the demo tools leave files, mail and orders during a test."""
    return HOME


@pytest.fixture
def test_database() -> Iterator[str]:
    """The address of the database this test writes to, for other processes, until all of them left it."""
    from django.db import connection

    from approvals.live import hub
    from tests.browser.stage import GUEST, guests

    found, host = connection.settings_dict, hub.listen_params().get("host", "")
    who = f"{found['USER']}:{found['PASSWORD']}@" if found["PASSWORD"] else f"{found['USER']}@"
    yield f"postgresql://{who}/{found['NAME']}?host={host}&application_name={GUEST}"
    while guests():  # a server process notices a moment later that its client has gone
        time.sleep(0.02)


@functools.cache
def _hashed() -> str:
    """The password of the whole cast, hashed once: the work factor is not what the tests are about."""
    from django.contrib.auth.hashers import make_password

    return make_password(os.environ["COUNTERSIGN_DEMO_PASSWORD"])


@pytest.fixture
def cast(db: None) -> dict[str, Any]:
    """Everybody of the demo, by name."""
    from django.contrib.auth.models import Group, User

    members = {
        "alice": "reviewers",
        "bob": "reviewers",
        "carol": "finance",
        "erin": "finance",
        "frank": "security",
        "dave": None,
    }
    # In four statements, not in fifty: nearly every test begins here.
    people = {name: User(username=name, password=_hashed()) for name in members}
    people["admin"] = User(username="admin", password=_hashed(), is_staff=True, is_superuser=True)
    User.objects.bulk_create(people.values())
    named = {group for group in members.values() if group}
    Group.objects.bulk_create([Group(name=name) for name in sorted(named)], ignore_conflicts=True)
    groups = Group.objects.in_bulk(named, field_name="name")
    belongs = User.groups.through
    belongs.objects.bulk_create(
        belongs(user=people[name], group=groups[group]) for name, group in members.items() if group
    )
    return people


def _member(name: str) -> Any:
    @pytest.fixture(name=name)
    def member(cast: dict[str, Any]) -> Any:
        return cast[name]

    return member


alice, bob, carol, erin = map(_member, ("alice", "bob", "carol", "erin"))
frank, dave, admin = map(_member, ("frank", "dave", "admin"))


@pytest.fixture
def transfers(db: None) -> Iterator[Any]:
    """The policy most tests stand under: a transfer needs one of finance and one of reviewers."""
    from tests import factories

    # Whoever edits signs too here; that they may not by default has tests of its own.
    yield factories.make_policy(
        "Transfers",
        action="transfer_money",
        risk="high",
        bar_editor=False,
        requirements={"finance": 1, "reviewers": 1},
    )
