"""A word from a chat: signed, about somebody we know, once, under every rule of the pages."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from approvals import tickets
from approvals.models import AuditEntry, Decision, InboundMessage, LinkedAccount
from tests.factories import decide, make_policy, open_ticket

SECRET = "a secret of the chat's own"


@pytest.fixture(autouse=True)
def linked(cast, settings):
    """Alice and Dave are known in both places."""
    settings.COUNTERSIGN_SLACK_SECRET = settings.COUNTERSIGN_CALLBACK_SECRET = SECRET
    for channel in ("slack", "callback"):
        for name in ("alice", "dave"):
            LinkedAccount.objects.create(channel=channel, account=f"T1/{name}", user=cast[name])


@pytest.fixture
def ticket(cast):
    make_policy(action="send_email", risk="medium", requirements={"reviewers": 1})
    return open_ticket("send_email", args={"to": "bob"}, requester=cast["erin"])


def sign(signed: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def slack(client, of, /, *, who="alice", type="approve", at=None, secret=SECRET, **fields: Any):
    value = fields.get("value", f"{type} {of.pk} {of.digest}")
    told = {"type": "block_actions", "team": {"id": "T1"}, "user": {"id": who}, "actions": [{"value": value}]}
    body = urlencode({"payload": fields.get("payload", json.dumps(told))})
    at = str(int(time.time()) if at is None else at)
    headers = {
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={sign(f'v0:{at}:{body}'.encode(), secret)}",
    }
    return client.post("/inbound/slack/", body, "application/x-www-form-urlencoded", headers=headers)


def callback(client, of, /, *, at=None, secret=SECRET, raw=None, **fields: Any):
    told = {"account": "T1/alice", "ticket": of.pk, "type": "approve", "digest": of.digest} | fields
    body = json.dumps(told) if raw is None else raw
    at = str(int(time.time()) if at is None else at)
    headers = {"Countersign-Timestamp": at, "Countersign-Signature": f"v1={sign(f'{at}.{body}'.encode(), secret)}"}
    return client.post("/inbound/callback/", body, "application/json", headers=headers)


WAYS = pytest.mark.parametrize("say", [slack, callback])


@WAYS
def test_a_signed_word_is_the_word_of_the_linked_person_and_the_record_says_how_it_came(say, client, ticket):
    answer = say(client, ticket)
    assert answer.status_code == 200, answer.content
    ticket.refresh_from_db()
    assert ticket.state == "approved"
    told = AuditEntry.objects.get(type="decision.recorded")
    assert (told.actor_name, told.told["method"], told.facts["via"]) == ("alice", say.__name__, say.__name__)


@WAYS
@pytest.mark.parametrize("wrong", [{"secret": "another"}, {"at": 1}, {"at": int(time.time()) + 3_600}])
def test_what_is_not_signed_or_not_of_now_changes_nothing(say, wrong, client, ticket):
    answer = say(client, ticket, **wrong)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    assert not Decision.objects.exists() and not InboundMessage.objects.exists()


@WAYS
def test_without_a_secret_nothing_is_taken(say, client, ticket, settings):
    settings.COUNTERSIGN_SLACK_SECRET = settings.COUNTERSIGN_CALLBACK_SECRET = ""
    assert say(client, ticket, secret="").status_code == 401


@WAYS
def test_a_message_is_taken_once(say, client, ticket):
    at = int(time.time())
    assert say(client, ticket, at=at).status_code == 200
    answer = say(client, ticket, at=at)
    assert (answer.status_code, answer.json()["code"]) == (409, "replayed")


@WAYS
@pytest.mark.parametrize("risk", ["high", "critical"])
@pytest.mark.parametrize("type", ["approve", "reject"])
def test_what_is_grave_is_decided_on_the_page_alone(say, risk, type, client, cast):
    make_policy(action="wipe", risk=risk, gate="hard", requirements={"reviewers": 1})
    answer = say(client, open_ticket("wipe", args={}), type=type)
    assert (answer.status_code, answer.json()["code"]) == (403, "only_on_the_page")
    assert not Decision.objects.exists()


@WAYS
def test_a_button_from_before_a_recall_does_not_approve_again(say, client, alice):
    make_policy(action="send_email", risk="medium", recall_seconds=60, requirements={"reviewers": 1})
    ticket = decide(open_ticket("send_email"), alice)
    tickets.recall(ticket.pk, actor=alice)
    answer = say(client, ticket)
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_digest")
    ticket.refresh_from_db()
    assert ticket.state == "pending"


def test_a_typed_confirmation_is_given_on_the_page_alone(client, cast):
    make_policy(action="order", risk="medium", gate="manual", requirements={"reviewers": 1})
    assert callback(client, open_ticket("order", args={"n": 1})).json()["code"] == "only_on_the_page"


def test_an_account_that_nobody_linked_says_nothing(client, ticket):
    assert slack(client, ticket, who="mallory").json()["code"] == "unknown_account"


def test_somebody_who_left_says_nothing(client, ticket, alice):
    alice.is_active = False
    alice.save()
    assert slack(client, ticket).json()["code"] == "unknown_account"


def test_who_may_not_see_the_ticket_learns_nothing_of_it(client, ticket):
    assert slack(client, ticket, who="dave").status_code == 404


def test_whoever_asked_may_not_approve_there_either(client, cast):
    make_policy(action="send_email", risk="medium", requirements={"reviewers": 1})
    mine = open_ticket("send_email", args={"to": "bob"}, requester=cast["alice"])
    assert callback(client, mine).json()["code"] == "own_request"


def test_an_old_version_is_not_decided_on(client, ticket, bob):
    old = ticket.digest
    decide(ticket, bob, "reject")
    assert callback(client, ticket, digest=old).json()["code"] == "ticket_closed"
    assert callback(client, open_ticket("other", args={}), digest="0" * 64).json()["code"] == "stale_digest"


def test_an_edit_is_made_on_the_page_alone(client, ticket):
    assert callback(client, ticket, type="edit").json()["code"] == "decision_not_allowed"


@pytest.mark.parametrize(
    "wrong",
    [
        *({"raw": "["}, {"raw": "[]"}, {"ticket": "7"}, {"ticket": True}, {"ticket": -1}, {"ticket": 2**70}),
        *({"account": None}, {"type": 1}, {"digest": None}, {"message": "x" * 1_001}, {"message": "\0"}),
        *({name: "\ud800"} for name in ("account", "type", "digest", "message")),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(wrong, client, ticket):
    answer = callback(client, ticket, **wrong)
    assert answer.status_code == 400 and answer.json()["detail"]


@pytest.mark.parametrize("bytes", [70_000, 3_000_000])
def test_a_message_that_is_too_large_is_refused_with_a_sentence(bytes, client, ticket):
    answer = callback(client, ticket, raw="x" * bytes)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "wrong", [{"payload": "{"}, {"payload": "{}"}, {"value": "approve"}, {"value": "approve x y"}, {"who": "\ud800"}]
)
def test_a_button_of_somebody_elses_is_refused_with_a_sentence(wrong, client, ticket):
    assert slack(client, ticket, **wrong).json()["code"] == "malformed"


def test_what_a_chat_hears_back_mentions_nobody_and_links_nowhere(client, cast):
    hostile = "<!channel> evil.com/x <http://evil.com|ok>"
    make_policy(action=hostile, risk="medium", requirements={"reviewers": 1})
    said = slack(client, open_ticket(hostile, args={})).json()["text"]
    assert said == "Recorded. ‹!channel› evil·com/x ‹http:⁄⁄evil·com¦ok›: approved."


@WAYS
def test_a_get_says_nothing(say, client):
    assert client.get(f"/inbound/{say.__name__}/").status_code == 405
