"""The demo tools act on real things, refuse what they must, and say why in one sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core import mail

from agents import files, tools
from agents.models import DemoAccount, DemoOrder, DemoTransfer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def run(name, /, **args):
    call = {"name": name, "args": args, "id": "c1", "type": "tool_call"}
    return tools.BY_NAME[name].invoke(call)


def refused(name, /, **args):
    result = run(name, **args)
    assert result.status == "error"
    return result.content


def test_search_finds_lines_with_every_word():
    assert run("search", query="INVOICES paid").content == (
        "handbook.md:4: Invoices are paid on the 15th of each month."
    )


def test_search_that_finds_nothing_says_so():
    assert run("search", query="unicorn").content == 'Nothing found for "unicorn".'


def test_read_returns_the_text():
    assert "Revenue 48,200" in run("read_file", path="report-7.txt").content


@pytest.mark.parametrize("path", ["../secret_key", "/etc/passwd", "a/../../secret_key", ".samples", "a\0b"])
def test_no_path_leads_outside_the_files(data_dir, path):
    (data_dir / "secret_key").write_text("secret")
    assert "outside" in refused("read_file", path=path) or "not a file name" in refused("read_file", path=path)


def test_no_link_leads_outside_the_files(data_dir):
    (data_dir / "secret_key").write_text("secret")
    (files.folder() / "link.txt").symlink_to(data_dir / "secret_key")
    assert "outside" in refused("read_file", path="link.txt")
    assert "secret" not in run("search", query="secret").content.replace('"secret"', "")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"\xff\xfe\xfa", "not a text file"), (b"x" * (files.MAX_BYTES + 1), "larger than 64 KB")],
)
def test_a_file_that_cannot_be_shown_is_refused(content, sentence):
    (files.folder() / "odd.txt").write_bytes(content)
    assert sentence in refused("read_file", path="odd.txt")


def test_samples_are_laid_out_only_once():
    (files.folder() / "report-7.txt").unlink()
    assert not (files.folder() / "report-7.txt").exists()


def test_delete_removes_the_file_and_a_second_time_fails():
    assert run("delete_data", name="report-7").content == "Deleted report-7.txt."
    assert refused("delete_data", name="report-7") == 'There is no file "report-7".'


def test_delete_refuses_a_name_that_fits_two_files():
    (files.folder() / "report-7.csv").write_text("x")
    assert "no file" in refused("delete_data", name="report-7")


def test_an_email_is_sent():
    run("send_email", to="alice@example.com", subject="Hi", body="Hello")
    [sent] = mail.outbox
    assert (sent.to, sent.subject, sent.body) == (["alice@example.com"], "Hi", "Hello")


@pytest.mark.parametrize(
    ("field", "value"),
    [("to", "alice"), ("to", "a@b.c, d@e.f"), ("subject", "Hi\nBcc: eve@example.com"), ("subject", "")],
)
def test_an_email_that_does_not_fit_is_not_sent(field, value):
    args = {"to": "alice@example.com", "subject": "Hi", "body": "Hello", field: value}
    assert f"{field}: " in refused("send_email", **args)
    assert mail.outbox == []


def test_every_order_is_a_row_of_its_own():
    run("create_order", item="pens", quantity=3)
    run("create_order", item="pens", quantity=3)
    assert list(DemoOrder.objects.values_list("item", "quantity")) == [("pens", 3), ("pens", 3)]


def test_a_transfer_moves_money_and_a_second_one_shows():
    run("transfer_money", amount=250, to="bob")
    assert run("transfer_money", amount=0.5, to="Bob").status == "success"
    assert DemoAccount.objects.get(name="bob").balance == Decimal("250.50")
    assert DemoAccount.objects.get(name=tools.TREASURY).balance == Decimal("99749.50")
    assert DemoTransfer.objects.count() == 2


def test_a_transfer_opens_an_account_that_is_not_there():
    run("transfer_money", amount=5, to="newcomer")
    assert DemoAccount.objects.get(name="newcomer").balance == 5


@pytest.mark.parametrize("amount", [0, -5, "lots", float("nan"), 0.001, 2_000_000, None])
def test_an_amount_that_cannot_be_paid_changes_nothing(amount):
    assert refused("transfer_money", amount=amount, to="bob")
    assert DemoTransfer.objects.count() == 0


def test_the_treasury_pays_others_only():
    assert "cannot pay itself" in refused("transfer_money", amount=5, to="Treasury")


def test_a_purge_removes_the_account_for_good():
    run("transfer_money", amount=5, to="acme")
    assert run("purge_account", name="acme").content == "Purged the account acme, which held 5.00."
    assert not DemoAccount.objects.filter(name="acme").exists()
    assert refused("purge_account", name="acme") == 'There is no account "acme".'


def test_the_treasury_cannot_be_purged():
    assert "cannot be purged" in refused("purge_account", name="treasury")


def test_a_question_that_nobody_answered_is_no_answer():
    assert refused("ask", question="Which quarter?") == 'Nobody answered "Which quarter?".'


def test_every_tool_has_a_card_and_a_form():
    for tool in tools.ALL:
        assert tool.metadata["risk"] in {"low", "medium", "high", "critical"}
        fields = tool.tool_call_schema.model_json_schema()["properties"]
        assert all(field["title"] and field["description"] for field in fields.values())


def test_a_title_says_what_a_call_will_do():
    assert tools.title("transfer_money", {"amount": 250, "to": "bob"}) == "Transfer 250 to bob"


@pytest.mark.parametrize(("name", "args"), [("transfer_money", {}), ("unknown", {"a": 1})])
def test_a_title_that_cannot_be_filled_is_the_name(name, args):
    assert tools.title(name, args) == name
