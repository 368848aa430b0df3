"""Who is told of what, once; what a message says; what happens when a service does not take it."""

from __future__ import annotations

import json
import re
import socket
import threading
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.contrib.auth.models import Group
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test import Client

from approvals import deadlines, presence, tickets
from approvals.audit import sealing
from approvals.models import AuditEntry, Notice, NoticeChannel, Presence, Ticket
from approvals.notices import channels, gathering, holding, sending, words
from approvals.states import Execution, NoticeKind, NoticeState
from tests.factories import claim, decide, make_policy, open_ticket, overdue, unguarded

PAGE = "/settings/notifications/"


@pytest.fixture(autouse=True)
def addresses(cast: dict[str, Any]) -> None:
    """Everybody has one."""
    for name, person in cast.items():
        person.email = f"{name}@example.com"
        person.save()


def tell_people() -> int:
    sealing.seal()
    gathering.gather()
    return sending.deliver_due()


def channel_of(person: Any = None, **fields: Any) -> NoticeChannel:
    fields.setdefault("kinds", ["opened", "escalated", "expiring", "decided", "doubt"])
    return NoticeChannel.objects.create(name="A channel", person=person, **fields)


def of_group(name: str, **fields: Any) -> NoticeChannel:
    return channel_of(group=Group.objects.get(name=name), **fields)


def receivers() -> list[str]:
    return sorted(letter.to[0].partition("@")[0] for letter in mail.outbox)


def test_who_is_asked_is_told_once(alice, carol, transfers):
    channel_of(alice), channel_of(alice), of_group("finance")
    open_ticket()
    assert (tell_people(), tell_people()) == (3, 0)
    assert receivers() == ["alice", "carol", "erin"]


def test_whoever_asked_is_not_asked_to_decide(alice, transfers):
    channel_of(alice)
    open_ticket(requester=alice)
    assert tell_people() == 0


def test_nobody_else_hears_of_it(dave, frank, transfers):
    channel_of(dave), channel_of(frank)
    open_ticket()
    assert tell_people() == 0


def test_what_runs_at_once_is_no_news(alice):
    make_policy(action="search", gate="auto", risk="low")
    channel_of(alice), of_group("reviewers")
    open_ticket("search", args={"q": "x"})
    assert tell_people() == 0


def test_groups_that_sign_in_turn_are_told_when_theirs_has_come(alice, bob, carol):
    make_policy(in_sequence=True, requirements={"finance": 1, "reviewers": 1})
    channel_of(alice), channel_of(carol)
    ticket = open_ticket()
    tell_people()
    assert receivers() == ["carol"]
    decide(ticket, carol)
    tell_people()
    assert receivers() == ["alice", "carol"]


def test_an_escalation_goes_to_the_group_it_was_passed_on_to(alice, frank):
    make_policy(requirements={"reviewers": 1}, steps=[("security", 1, 3600)], deadline_seconds=60)
    channel_of(frank, kinds=["escalated"]), channel_of(alice, kinds=["escalated"])
    deadlines.expire(overdue(open_ticket()).pk)
    tell_people()
    assert "frank" in receivers() and "was escalated to security" in mail.outbox[0].subject


def test_a_deadline_that_is_near_is_told_once_and_a_new_one_again(alice):
    make_policy(requirements={"reviewers": 1}, deadline_seconds=1_000)
    channel_of(alice, kinds=["expiring"])
    ticket = open_ticket()
    assert tell_people() == 0
    with unguarded():
        near = {"deadline_at": Now() + timedelta(seconds=90), "opened_at": Now() - timedelta(seconds=910)}
        Ticket.objects.filter(pk=ticket.pk).update(**near)
    assert (tell_people(), tell_people()) == (1, 0)
    assert "is about to expire" in mail.outbox[0].subject


def test_whoever_asked_and_decided_hears_what_became_of_it(alice, carol, dave, erin, transfers):
    for person in (alice, dave, erin):
        channel_of(person, kinds=["decided"])
    ticket = open_ticket(requester=dave)
    decide(ticket, carol)
    decide(ticket, alice)
    tell_people()
    assert receivers() == ["alice", "dave"]
    assert "approved as proposed" in mail.outbox[0].subject


def test_timed_out_is_not_told_as_rejected(dave, transfers):
    channel_of(dave, kinds=["decided"])
    deadlines.expire(overdue(open_ticket(requester=dave)).pk)
    tell_people()
    assert "timed out" in mail.outbox[0].subject and "reject" not in mail.outbox[0].subject


def test_an_effect_that_nobody_knows_of_is_told_to_who_signed(alice, carol, erin, transfers):
    channel_of(alice, kinds=["doubt"]), channel_of(erin, kinds=["doubt"])
    ticket = open_ticket()
    decide(ticket, carol)
    decide(ticket, alice)
    assert claim(ticket)
    tickets.record_execution(ticket.pk, execution=Execution.UNKNOWN)
    tell_people()
    assert receivers() == ["alice"] and "nobody knows whether it happened" in mail.outbox[0].subject


def test_what_is_decided_before_it_is_sent_is_not_asked_for_any_more(alice, carol, transfers):
    channel_of(alice, kinds=["opened"])
    ticket = open_ticket()
    sealing.seal(), gathering.gather()
    decide(ticket, carol, "reject")
    assert sending.deliver_due() == 0
    assert Notice.objects.get().state == NoticeState.DROPPED


def test_who_left_the_group_meanwhile_is_not_told(alice, transfers):
    channel_of(alice)
    open_ticket()
    sealing.seal(), gathering.gather()
    alice.groups.clear()
    assert sending.deliver_due() == 0


def test_who_has_the_ticket_open_is_not_told(alice, carol, transfers):
    channel_of(alice), channel_of(carol)
    presence.note(open_ticket(), alice, is_deciding=False)
    tell_people()
    assert receivers() == ["carol"]


def test_who_has_closed_it_since_is_told(alice, transfers):
    channel_of(alice)
    presence.note(open_ticket(), alice, is_deciding=False)
    Presence.objects.update(seen_at=Now() - timedelta(seconds=61))
    tell_people()
    assert receivers() == ["alice"]


def test_a_message_never_shows_arguments(alice, transfers):
    channel_of(alice)
    open_ticket(args={"amount": 31_337, "to": "bob"}, description="to bob", reasoning="Pay bob 31337")
    tell_people()
    assert "31337" not in str(mail.outbox[0].message()) and "bob" not in mail.outbox[0].body


def test_a_channel_that_is_safe_shows_them_without_secrets(transfers):
    ticket = open_ticket(args={"amount": 31_337, "to": "bob", "password": "hunter2"})
    notice = Notice(kind=NoticeKind.OPENED, ticket=ticket)
    told = words.text([notice], shows_args=True)
    assert "31337" in told and "hunter2" not in told


def test_a_message_says_who_asked_through_which_agent_and_does_not_say_its_subject_again(alice, dave, transfers):
    channel_of(alice)
    ticket = open_ticket(requester=dave, graph="payroll")
    tell_people()
    letter = mail.outbox[0]
    assert letter.subject == "Countersign: High risk: transfer_money waits for a decision"
    until = f"{ticket.deadline_at:%d %B %H:%M} UTC"
    assert letter.body.startswith(f"Asked by dave through the agent payroll. It waits until {until}.\nhttp")
    both = words.text([Notice(kind=NoticeKind.OPENED, ticket=ticket)] * 2, shows_args=False)
    assert both.count("waits for a decision\nAsked by dave") == 2


@pytest.mark.parametrize(
    "hostile", ["<!channel>", "@everyone", "[x](https://e.vil)", "a\r\nBcc: x@e.vil", "‮lairt", "e.vil/x"]
)
def test_a_name_of_a_tool_a_person_or_an_agent_is_no_mention_no_link_and_no_header(alice, dave, hostile):
    channel_of(alice)
    dave.username = hostile
    dave.save()
    open_ticket(hostile, args={}, graph=hostile, requester=dave)
    tell_people()
    letter = mail.outbox[0]
    said = letter.subject + letter.body
    assert "\n" not in letter.subject and "‮" not in said
    assert not {"<", ">", "@", "["} & set(said) and "e.vil" not in said


def test_a_number_keeps_its_dot_and_an_address_loses_it():
    said = words.harmless('{"amount": 1250.00, "to": "evil.com/x, www.evil.com, 10.0.0.1/x"}. Then', 100)
    assert said == '{"amount": 1250.00, "to": "evil·com/x, www·evil·com, 10·0·0.1/x"}. Then'


def test_in_quiet_hours_only_escalations_pass(alice, frank):
    channel = NoticeChannel(quiet_from=time(22), quiet_until=time(7), zone="Europe/Berlin")
    night, day = datetime(2026, 7, 1, 21, 0, tzinfo=UTC), datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert holding.until(channel, now=day, last=None) is None
    assert holding.until(channel, now=night, last=None) == datetime(2026, 7, 2, 5, 0, tzinfo=UTC)
    assert NoticeKind.ESCALATED in holding.URGENT and NoticeKind.OPENED not in holding.URGENT


def test_a_quiet_channel_gets_an_escalation_and_keeps_the_rest(alice):
    make_policy(requirements={"reviewers": 1}, steps=[("reviewers", 1, 3600)], deadline_seconds=600)
    clock = datetime.now(UTC)
    channel_of(alice, quiet_from=(clock - timedelta(hours=1)).time(), quiet_until=(clock + timedelta(hours=1)).time())
    ticket = open_ticket()
    assert tell_people() == 0
    deadlines.expire(overdue(ticket).pk)
    tell_people()
    assert [letter.subject.count("escalated") for letter in mail.outbox] == [1]
    assert Notice.objects.filter(state=NoticeState.WAITING, due_at__gt=Now()).exists()


def test_between_two_messages_what_happens_is_collected(alice, transfers):
    channel = channel_of(alice, window_seconds=1_800)
    open_ticket()
    assert tell_people() == 1
    two = [open_ticket(), open_ticket()]
    assert tell_people() == 0
    NoticeChannel.objects.filter(pk=channel.pk).update(window_seconds=0)
    Notice.objects.filter(state=NoticeState.WAITING).update(due_at=Now())
    assert tell_people() == 2
    assert len(mail.outbox) == 2 and all(ticket.get_absolute_url() in mail.outbox[1].body for ticket in two)


def test_to_gather_costs_as_much_for_many_as_for_one(alice, transfers, django_assert_max_num_queries):
    gathering.gather()  # the first time makes the row that says how far it came
    channel_of(alice), of_group("finance")
    for _ in range(12):
        open_ticket()
    sealing.seal()
    with django_assert_max_num_queries(14):
        gathering.gather()
    assert Notice.objects.count() == 12 * 3


def test_the_database_refuses_to_tell_somebody_twice(alice, transfers):
    made = {"key": "entry/1", "kind": "opened", "ticket": open_ticket(), "channel": channel_of(alice)}
    Notice.objects.create(person=alice, **made)
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(person=alice, **made | {"channel": channel_of(alice)})
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(person=alice, **made | {"key": "entry/2", "state": "sent"})


class Post(BaseHTTPRequestHandler):
    """Takes what apprise posts, or refuses."""

    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
        if self.server.says is None:  # type: ignore[attr-defined]
            self.close_connection = True
            return
        self.send_response(self.server.says)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def service():
    """A service that listens on this machine."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Post)
    server.heard, server.says = [], 200
    server.address = f"json://127.0.0.1:{server.server_port}/secret-path"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_group_is_told_over_a_real_service(service, transfers):
    channel = of_group("finance", address=service.address)
    ticket = open_ticket()
    assert (tell_people(), len(service.heard)) == (1, 1)
    said = service.heard[0]
    assert "transfer_money" in said["title"] and ticket.get_absolute_url() in said["message"]
    assert "amount" not in json.dumps(said)
    channel.refresh_from_db()
    assert channel.sent_at and not channel.error


def test_what_a_service_refuses_is_tried_again_later_and_given_up_in_the_end(service, transfers):
    channel = of_group("finance", address=service.address, kinds=["opened"])
    service.says = 500
    open_ticket()
    assert (tell_people(), tell_people()) == (1, 0)
    channel.refresh_from_db()
    assert "secret-path" not in channel.error and channel.error
    waits = []
    for _ in range(20):
        notice = Notice.objects.get()
        if notice.state != NoticeState.WAITING:
            break
        waits.append(round((notice.due_at - notice.tried_at).total_seconds()))
        Notice.objects.update(due_at=Now())
        sending.deliver_due()
    assert waits == sorted(waits) and sum(waits) > 20 * 3_600
    assert (Notice.objects.get().state, len(service.heard)) == (NoticeState.FAILED, 8)
    service.says = 200
    assert sending.again([Notice.objects.get().pk], actor=None) == 1
    assert sending.deliver_due() == 1 and Notice.objects.get().state == NoticeState.SENT


def test_a_message_whose_answer_was_lost_is_not_sent_a_second_time(service, transfers):
    of_group("finance", address=service.address, kinds=["opened"])
    service.says = None
    open_ticket()
    tell_people()
    Notice.objects.update(due_at=Now())
    assert (tell_people(), len(service.heard)) == (0, 1)
    assert Notice.objects.get().state == NoticeState.UNKNOWN


def test_a_service_that_nobody_reached_is_tried_again(service, transfers):
    address = service.address
    service.shutdown(), service.server_close()
    of_group("finance", address=address, kinds=["opened"])
    open_ticket()
    tell_people()
    assert Notice.objects.get().state == NoticeState.WAITING


def test_what_is_given_up_and_sent_again_stands_in_the_record(service, transfers, admin):
    channel = of_group("finance", address=service.address, kinds=["opened"])
    service.says = None
    ticket = open_ticket()
    tell_people()
    sending.again([Notice.objects.get().pk], actor=admin)
    channels.try_out(channel, actor=admin)
    entries = list(AuditEntry.objects.filter(stream=channels.STREAM).order_by("seq"))
    assert [(entry.type, entry.actor_name) for entry in entries] == [
        ("notice.given_up", ""),
        ("notice.sent_again", "admin"),
        ("channel.tried", "admin"),
    ]
    assert entries[0].facts["about_ticket"] == ticket.pk
    assert not any("secret-path" in json.dumps(entry.facts) for entry in entries)


def test_whoever_has_it_sent_again_while_it_cannot_be_recorded_has_changed_nothing(service, transfers, admin):
    of_group("finance", address=service.address, kinds=["opened"])
    service.says = None
    open_ticket()
    tell_people()
    with connection.cursor() as cursor, pytest.raises(DatabaseError), transaction.atomic():
        cursor.execute("ALTER TABLE approvals_auditentry ADD CONSTRAINT nothing_more CHECK (seq < 0) NOT VALID")
        sending.again([Notice.objects.get().pk], actor=admin)
    assert Notice.objects.get().state == NoticeState.UNKNOWN


def test_a_service_that_is_away_keeps_what_comes_next_waiting_too(service, transfers):
    of_group("finance", address=service.address, kinds=["opened"])
    service.says = 503
    open_ticket()
    tell_people()
    open_ticket()
    assert (tell_people(), len(service.heard)) == (0, 1)


def test_whoever_dies_while_sending_has_sent_it_once_or_never(alice, transfers):
    channel_of(alice, kinds=["opened"])
    open_ticket()
    sealing.seal(), gathering.gather()
    assert sending._claim(sending.due()[0])
    assert sending.due() == []
    Notice.objects.update(tried_at=Now() - timedelta(minutes=6))
    assert (sending.forget_lost(), sending.due()) == (1, [])
    assert Notice.objects.get().state == NoticeState.UNKNOWN and not mail.outbox


class Mailbox:
    """Takes mail, and hangs up instead where it is told to."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append(envelope)
        return self.answer


@pytest.fixture
def mailbox(settings):
    """A real mail server on this machine."""
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield box
    controller.stop()


def test_mail_arrives_over_smtp(mailbox, alice, transfers):
    channel_of(alice)
    ticket = open_ticket()
    tell_people()
    (letter,) = mailbox.letters
    assert letter.rcpt_tos == ["alice@example.com"] and ticket.get_absolute_url().encode() in letter.content


def test_a_mail_that_is_refused_is_tried_again(mailbox, alice, transfers):
    channel_of(alice)
    mailbox.answer = "451 later"
    open_ticket()
    tell_people()
    notice = Notice.objects.get()
    assert notice.state == NoticeState.WAITING and "later" in notice.error and notice.due_at > notice.tried_at


def test_a_mail_server_that_is_away_is_tried_again(settings, alice, transfers):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    channel_of(alice)
    open_ticket()
    tell_people()
    assert Notice.objects.get().state == NoticeState.WAITING


def everything() -> list[Any]:
    """All rows of the tables that a decision would write to."""
    with connection.cursor() as cursor:
        found = []
        for table in ("ticket", "decision", "auditentry", "revision", "claim", "grant"):
            cursor.execute(f"SELECT md5(string_agg(t::text, '' ORDER BY t.*::text)) FROM approvals_{table} AS t")
            found.append(cursor.fetchone()[0])
    return found


@pytest.mark.parametrize("who", ["", "alice"])
def test_a_scanner_that_opens_every_link_changes_nothing(who, client, cast, transfers):
    channel_of(cast["alice"])
    ticket = open_ticket()
    tell_people()
    links = re.findall(r"https?://[^/\s]+(/\S*)", mail.outbox[0].body)
    assert ticket.get_absolute_url() in links
    if who:
        client.force_login(cast[who])
    before = everything()
    for link in links:
        for _ in range(10):
            assert client.get(link).status_code == (200 if who else 302)
            client.head(link)
    assert everything() == before
    if not who:
        assert f"next={ticket.get_absolute_url()}" in client.get(ticket.get_absolute_url()).headers["Location"]


@pytest.fixture
def browser(client: Client, alice: Any) -> Client:
    """Alice has just shown who she is."""
    client.force_login(alice)
    session = client.session
    now = datetime.now(UTC).timestamp()
    session["account_authentication_methods"] = [{"method": "password", "at": now, "reauthenticated": True}]
    session["account_authentication_methods_user"] = str(alice.pk)
    session.save()
    return client


def add(browser: Client, **fields: Any) -> Any:
    said = {"name": "Mine", "kinds": ["opened"], "window_seconds": 0, "zone": "UTC"} | fields
    return browser.post(f"{PAGE}new/", said)


def test_people_add_try_and_remove_their_own(browser, alice):
    assert add(browser, address="slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/").status_code == 302
    page = browser.get(PAGE).content.decode()
    assert "Mine" in page and "TIiajkdnlazkcOXrIdevi7FQ" not in page
    channel = alice.notice_channels.get()
    browser.post(f"{PAGE}{channel.pk}/test/")
    assert Notice.objects.get().kind == NoticeKind.TEST
    browser.post(f"{PAGE}{channel.pk}/removal/")
    assert not alice.notice_channels.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "json://169.254.169.254/latest"},
        {"address": "mailto://u:p@internal.host"},
        {"address": "nothing"},
        {"zone": "Berlin"},
        {"kinds": []},
        {"kinds": ["stuck"]},
        {"quiet_from": "22:00"},
        {"name": ""},
    ],
)
def test_a_wrong_channel_is_refused_with_a_sentence(browser, alice, wrong):
    answer = add(browser, **wrong)
    assert answer.status_code == 422 and "field__error" in answer.content.decode()
    assert not alice.notice_channels.exists()


def test_nobody_touches_somebody_elses(browser, bob):
    channel = channel_of(bob)
    for what in ("test", "removal"):
        assert browser.post(f"{PAGE}{channel.pk}/{what}/").status_code == 404
    assert NoticeChannel.objects.filter(pk=channel.pk).exists() and not Notice.objects.exists()


def test_an_old_session_has_to_show_who_it_is_first(client, alice):
    client.force_login(alice)
    assert "/reauthenticate" in add(client).headers["Location"]
    assert not alice.notice_channels.exists()


def test_who_comes_back_from_there_is_led_to_the_form(browser):
    assert browser.get(f"{PAGE}new/").headers["Location"] == PAGE


def test_the_record_says_who_made_a_channel_and_not_its_address(alice):
    channels.add(
        actor=alice, person=alice, name="Mine", kinds=["opened"], address="tgram://123456789:AbcdEfghijKlmno/1/"
    )
    sealing.seal()
    with connection.cursor() as cursor:
        cursor.execute("SELECT convert_from(body, 'UTF8') FROM approvals_auditentry WHERE type = 'channel.added'")
        told = cursor.fetchone()[0]
    assert "tgram" in told and "AbcdEfghijKlmno" not in told


def test_arguments_go_to_no_mailbox_of_ones_own(alice):
    with pytest.raises(ValidationError, match="no place that is safe"):
        channels.add(actor=None, person=alice, name="Mine", kinds=["opened"], shows_args=True)


def test_a_channel_is_added_listed_and_removed_on_the_command_line(cast, monkeypatch, capsys):
    call_command("notify", "add", "Ops", "--group", "security", "--mail", "--kinds", "opened,stuck")
    call_command("notify", "list")
    assert "group security  e-mail  opened,stuck" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no group called"):
        call_command("notify", "add", "Ops", "--group", "nobody", "--mail")
    with pytest.raises(CommandError, match="no kind “unknown”: take of opened, escalated"):
        call_command("notify", "add", "Ops", "--group", "security", "--mail", "--kinds", "opened,unknown")
    call_command("notify", "remove", str(NoticeChannel.objects.get().pk))
    assert not NoticeChannel.objects.exists()


def test_the_operator_sees_which_channel_fails(client, admin, transfers):
    of_group("finance", address="json://127.0.0.1:1/", error="connection refused", failed_at=datetime.now(UTC))
    client.force_login(admin)
    page = client.get("/admin/operations/").content.decode()
    assert "A channel" in page and "connection refused" in page


def test_an_address_is_kept_and_not_shown_in_the_admin(client, admin, transfers):
    channel = of_group("finance", address="tgram://123456789:AbcdEfghijKlmno/1/")
    client.force_login(admin)
    where = f"/admin/approvals/noticechannel/{channel.pk}/change/"
    assert "AbcdEfghijKlmno" not in client.get(where).content.decode()
    said = {
        "name": "New",
        "group": channel.group_id,
        "kinds": ["opened"],
        "zone": "UTC",
        "window_seconds": 0,
        "enabled": "on",
    }
    assert client.post(where, said).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.address[:8]) == ("New", "tgram://")
