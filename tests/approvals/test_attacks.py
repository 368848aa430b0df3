"""What a hostile review found once, kept closed."""

from __future__ import annotations

import http.server
import threading

import pytest
from django.urls import reverse

from approvals import arguments, fields
from approvals.errors import DecisionNotAllowed, InvalidArguments
from approvals.models import Decision
from tests.factories import claim, decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db


def test_an_answer_the_graph_may_act_on_needs_every_signature(alice, bob):
    make_policy(requirements={"reviewers": 2})
    ticket = open_ticket(answer_releases=True)
    assert decide(ticket, alice, "respond", message="pay").state == "pending"
    assert decide(ticket, bob, "respond", message="pay").state == "answered"


def test_answers_in_different_words_do_not_count_together(alice, bob):
    make_policy(requirements={"reviewers": 2})
    ticket = open_ticket(answer_releases=True)
    decide(ticket, alice, "respond", message="no, please don't")
    assert decide(ticket, bob, "respond", message="pay").state == "pending"


def test_an_answer_the_graph_may_act_on_waits_again_when_who_gave_it_has_left_before_it_was_told(alice, bob):
    ticket = decide(open_ticket(answer_releases=True), alice, "respond", message="pay")
    alice.groups.clear()
    assert not claim(ticket)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.message, ticket.delivered_at) == ("pending", "", None)
    decide(ticket, bob, "respond", message="do not")
    assert claim(ticket)


def test_an_answer_stands_only_on_those_who_gave_it_in_these_words(alice, bob, carol):
    make_policy(requirements={"reviewers": 1})
    ticket = open_ticket(answer_releases=True)
    bobs = bob.groups.get()
    Decision.objects.create(
        ticket=ticket, revision=1, reviewer=carol, type="respond", message="no", digest=ticket.digest
    )
    decide(ticket, alice, "respond", message="pay")
    alice.groups.clear()
    carol.groups.add(bobs)
    assert not claim(ticket)


def test_an_answer_that_runs_nothing_stands_whoever_leaves(alice):
    ticket = decide(open_ticket(), alice, "respond", message="look again")
    alice.groups.clear()
    assert claim(ticket)


def test_true_is_not_one_in_an_edit(alice):
    ticket = open_ticket(args={"a": [1, None, True]})
    assert decide(ticket, alice, "edit", args={"a": [True, None, 1]}).outcome == "edited"


def test_an_edit_into_another_policy_of_the_same_risk_needs_the_signers_of_both(alice, carol):
    made = {"risk": "high", "condition": "double(args.amount) > 1000.0", "bar_editor": False}
    make_policy("Large", position=1, requirements={"finance": 1}, **made)
    make_policy("Small", position=2, risk="high", bar_editor=False, requirements={"reviewers": 1})
    ticket = open_ticket()
    assert decide(ticket, alice, "edit", args={"amount": 5000, "to": "bob"}).state == "pending"
    assert decide(ticket, carol).state == "approved"


def test_an_unchanged_edit_is_no_approval_where_approving_is_not_allowed(alice):
    ticket = open_ticket(allowed_decisions=("edit", "reject"))
    with pytest.raises(DecisionNotAllowed):
        decide(ticket, alice, "edit", args=ticket.args)


def test_a_schema_never_makes_us_fetch_anything():
    asked = []

    class Trap(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

    with http.server.HTTPServer(("127.0.0.1", 0), Trap) as trap:
        threading.Thread(target=trap.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{trap.server_port}/x.json"
        with pytest.raises(InvalidArguments):
            arguments.check_schema({"x": 1}, {"properties": {"x": {"$ref": address}}})
        trap.shutdown()
    assert asked == []


@pytest.mark.parametrize("schema", [{"maxLength": "9"}, {"required": 5}, {"required": [1]}, {"$schema": ["q"]}])
def test_an_odd_schema_still_draws_the_page(client, alice, schema):
    body = {"type": "object", "properties": {"to": {"type": "string", **schema}}, **schema}
    ticket = open_ticket(args={"to": "bob"}, args_schema=body)
    client.force_login(alice)
    assert client.get(ticket.get_absolute_url()).status_code == 200
    assert fields.of(ticket.args, ticket.args_schema)


@pytest.mark.parametrize("name", ["x" * 201, "a\0b", "\ud800"])
def test_a_name_that_cannot_be_kept_is_refused(name):
    with pytest.raises(InvalidArguments):
        open_ticket(name)


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "latin-1"])
def test_a_form_in_an_odd_charset_is_refused(client, alice, charset):
    client.force_login(alice)
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    answer = client.post(reverse("approvals:decisions", args=[open_ticket().pk]), b"--x--", content_type=kind)
    assert answer.status_code == 400


def test_a_run_s_address_with_a_null_character_is_not_found(client, alice):
    client.force_login(alice)
    assert client.get(reverse("agents:runs") + "%00/").status_code == 404
