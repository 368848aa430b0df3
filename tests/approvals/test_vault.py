"""What opens a service or signs a message lies locked in the database, and the key lies outside."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection

from approvals import vault
from approvals.audit import sealing
from approvals.models import Notice, NoticeChannel, Webhook
from approvals.notices import gathering, sending
from approvals.states import NoticeState
from tests.factories import open_ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

ADDRESS = "tgram://123456789:AbcdEfghijKlmno/1/"


@pytest.fixture(autouse=True)
def key(settings: Any, tmp_path: Path) -> Path:
    """The file of this test's key."""
    settings.COUNTERSIGN_VAULT_KEY = tmp_path / "key"
    settings.COUNTERSIGN_VAULT_KEY.write_bytes(Fernet.generate_key())
    return Path(settings.COUNTERSIGN_VAULT_KEY)


def of_finance(**fields: Any) -> NoticeChannel:
    return NoticeChannel.objects.create(
        name="Finance", group=Group.objects.get(name="finance"), kinds=["opened"], **fields
    )


def kept(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM approvals_{table}")
        return str(cursor.fetchone()[0])


def test_the_database_holds_no_address_and_no_secret():
    channel, hook = of_finance(address=ADDRESS), Webhook.objects.create(name="CI", address="https://ci.example.com/")
    assert "AbcdEfghijKlmno" not in kept("noticechannel", "address") and "tgram" not in kept("noticechannel", "address")
    assert hook.secret.startswith("cswh_") and "cswh_" not in kept("webhook", "secret")
    assert NoticeChannel.objects.get().address == channel.address == ADDRESS
    assert Webhook.objects.get().secret == hook.secret


def test_what_is_not_touched_stays_as_it_was_locked():
    of_finance(address=ADDRESS)
    before = kept("noticechannel", "address")
    channel = NoticeChannel.objects.get()
    channel.name = "Another"
    channel.save()
    assert kept("noticechannel", "address") == before


def test_a_new_key_on_top_locks_and_the_old_one_still_opens(key):
    of_finance(address=ADDRESS)
    old = key.read_bytes()
    key.write_bytes(Fernet.generate_key() + b"\n" + old)
    assert NoticeChannel.objects.get().address == ADDRESS
    newer = vault.lock(ADDRESS)
    key.write_bytes(old)
    with pytest.raises(vault.Closed, match="not the one"):
        vault.open_(newer)


@pytest.mark.parametrize("wrong", [None, Fernet.generate_key(), b"no key"], ids=["none", "another", "no key"])
def test_without_its_key_nothing_is_sent_and_the_channel_says_so(key, alice, transfers, wrong):
    of_finance(address=ADDRESS)
    alice.email = "alice@example.com"
    alice.save()
    NoticeChannel.objects.create(name="Mine", person=alice, kinds=["opened"])
    key.unlink() if wrong is None else key.write_bytes(wrong)
    open_ticket()
    sealing.seal(), gathering.gather(), sending.deliver_due()
    channel = NoticeChannel.objects.get(name="Finance")
    assert "key" in channel.error and channel.shown == "its key is missing"
    assert Notice.objects.get(channel=channel).state == NoticeState.WAITING
    assert [letter.to for letter in mail.outbox] == [["alice@example.com"]]


def test_without_a_key_nothing_is_kept_in_clear(key):
    key.unlink()
    with pytest.raises(vault.Closed):
        of_finance(address=ADDRESS)


def test_without_its_key_the_admin_asks_for_the_address_again(key, client, admin):
    channel = of_finance(address=ADDRESS)
    key.unlink()
    client.force_login(admin)
    where = f"/admin/approvals/noticechannel/{channel.pk}/change/"
    said = {"name": "F", "group": channel.group_id, "kinds": ["opened"], "zone": "UTC", "window_seconds": 0}
    assert client.get(where).status_code == client.get("/admin/approvals/noticechannel/").status_code == 200
    assert "Write it again" in client.post(where, said).content.decode()


def test_rows_that_lay_open_are_locked_by_the_migration():
    of_finance(address=ADDRESS), Webhook.objects.create(name="CI", address="https://ci.example.com/")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_noticechannel SET address = %s", [ADDRESS])
        cursor.execute("UPDATE approvals_webhook SET secret = 'cswh_open'")
    [step] = import_module("approvals.migrations.0046_locked_rows").Migration.operations
    with connection.schema_editor() as editor:
        step.code(apps, editor)
    assert (NoticeChannel.objects.get().address, Webhook.objects.get().secret) == (ADDRESS, "cswh_open")
    assert "AbcdEfghijKlmno" not in kept("noticechannel", "address")
    with connection.schema_editor() as editor:
        step.reverse_code(apps, editor)
    assert (kept("noticechannel", "address"), kept("webhook", "secret")) == (ADDRESS, "cswh_open")


def test_a_key_is_made_once_in_the_data_dir_for_its_owner_alone(settings, tmp_path):
    settings.COUNTERSIGN_VAULT_KEY, settings.DATA_DIR = None, tmp_path / "data"
    assert vault.open_(vault.lock("a")) == "a"
    made = (tmp_path / "data" / vault.FILE).read_bytes()
    vault.lock("b")
    assert (tmp_path / "data" / vault.FILE).read_bytes() == made
    assert (tmp_path / "data" / vault.FILE).stat().st_mode & 0o777 == 0o600
