"""What is known of an action: who says it, whose word counts, how it reads, and that a rule may weigh it."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from django.urls import reverse

from approvals import cards, catalogue, display
from approvals.contract import Card
from approvals.models import ActionCard, AuditEntry, Ticket
from tests.factories import decide, make_policy, open_ticket

ARGS = {"amount": 250, "to": "bob", "note": None, "who": {"name": "acme"}}


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("Transfer {amount} to {to}", "Transfer 250 to bob"),
        ("Close {who.name}", "Close acme"),
        ("Pay\n {to}\u202e", "Pay bob⟨U+202E⟩"),
        ("Pay {{to}} {to}", "Pay {to} bob"),
        ("", ""),
    ],
)
def test_a_title_is_filled_from_the_arguments(title, line):
    assert cards.headline(Card(title=title), ARGS) == line


@pytest.mark.parametrize("title", ["Pay {nobody}", "Pay {to.name}", "Routine work", "{to}", "Pay {to!r}", "Pay {"])
def test_a_title_that_hides_what_runs_is_not_used(title):
    assert cards.headline(Card(title=title), ARGS) == ""


def test_a_title_without_arguments_is_enough_where_there_are_none():
    assert cards.headline(Card(title="Restart the server"), {}) == "Restart the server"


def test_a_hostile_argument_is_shown_in_the_title_by_its_numbers():
    assert cards.headline(Card(title="Pay {to}"), {"to": "bob\u202e"}) == "Pay bob⟨U+202E⟩"
    assert cards.headline(Card(title="Pay {to}"), {"to": "x" * 100}) == "Pay (100 characters)"


@pytest.mark.parametrize(
    "said",
    [
        {"title": 3},
        {"title": "x" * 201},
        {"title": "Pay {to.__class__!s}"},
        {"salient": "to"},
        {"salient": [1]},
        {"reversible": "yes"},
        {"undo": ["x"]},
        {"risk": "none"},
        {"risk": ["low"]},
        {"colour": "red"},
    ],
)
def test_a_card_that_makes_no_sense_is_refused_and_a_tool_s_is_passed_over(said):
    with pytest.raises(cards.BadCard):
        cards.read(said)
    assert cards.claimed(said) == Card()


def test_what_a_tool_says_beside_its_card_is_passed_over():
    assert cards.claimed({"risk": "high", "owner": object(), "title": 5}) == Card(risk="high")
    assert cards.claimed(None) == Card()


def test_a_card_is_the_same_after_it_was_kept():
    card = Card(title="Pay {to}", salient=("to",), reversible=False, undo="Call the bank", environment="x", risk="low")
    assert cards.kept(json.loads(json.dumps(cards.as_json(card)))) == card


def test_the_registry_speaks_before_the_tool_and_the_higher_risk_of_both_stands():
    tool = Card(title="Pay", environment="test", risk="high", reversible=True)
    both = cards.beside(Card(title="Pay {to}", risk="low", reversible=False), tool)
    assert both == Card(title="Pay {to}", environment="test", risk="high", reversible=False)


@pytest.mark.parametrize(
    ("own", "claim", "risk"),
    [
        (None, "", "medium"),
        (None, "low", "medium"),
        (None, "critical", "critical"),
        (Card(risk="low"), "critical", "low"),
        (Card(risk="critical"), "low", "critical"),
        (Card(title="Pay {to}"), "low", "medium"),
    ],
)
def test_only_an_administrator_makes_a_risk_less_than_medium(own, claim, risk):
    assert cards.in_force(own, Card(risk=claim)).risk == risk


@pytest.mark.django_db
class TestWeighed:
    """What a rule makes of it."""

    @pytest.fixture(autouse=True)
    def rules(self, cast):
        make_policy("Little", position=1, condition='risk == "low"', risk="low", gate="auto")
        make_policy("Much", position=2, condition='risk in ["high", "critical"]', requirements={"finance": 2})

    def policy_of(self, **card):
        return open_ticket("pay", card=Card(**card)).policy_name

    def test_a_rule_reads_the_risk_of_the_card(self):
        assert self.policy_of(risk="critical") == "Much"
        assert self.policy_of() == "Unknown action"

    def test_what_an_agent_says_of_itself_lets_nothing_run(self):
        assert self.policy_of(risk="low") == "Unknown action"

    def test_an_administrator_s_card_counts_whatever_the_agent_says(self):
        ActionCard.objects.create(action="p*", risk="low")
        assert self.policy_of(risk="critical") == "Little"

    def test_only_the_first_card_about_an_action_is_used(self):
        ActionCard.objects.create(action="pay", graph="payroll", position=1, risk="low")
        ActionCard.objects.create(action="pay", position=2, risk="critical")
        ActionCard.objects.create(action="*", position=3, risk="low")
        assert self.policy_of() == "Much"

    def test_edited_arguments_are_weighed_with_the_risk_it_was_opened_with(self, alice):
        ticket = open_ticket("pay", card=Card(risk="medium"), args={"to": "bob"})
        ActionCard.objects.create(action="pay", risk="high")
        decide(ticket, alice, "edit", args={"to": "erin"})
        assert (ticket.policy_name, open_ticket("pay").policy_name) == ("Unknown action", "Much")

    def test_the_record_says_with_what_it_was_weighed(self):
        ticket = open_ticket("pay", card=Card(risk="high", title="Pay {to}"))
        entry = AuditEntry.objects.get(ticket=ticket, type="ticket.opened")
        assert entry.facts["card"] == {"title": "Pay {to}", "risk": "high"}


@pytest.mark.django_db
class TestShown:
    """How a ticket reads."""

    def test_the_title_follows_the_arguments_through_an_edit(self, alice):
        ticket = open_ticket("never_seen", card=Card(title="Pay {amount} to {to}"))
        assert display.headline(ticket) == "Pay 250 to bob"
        decide(ticket, alice, "edit", args={"amount": 20, "to": "erin"})
        assert display.headline(Ticket.objects.get(pk=ticket.pk)) == "Pay 20 to erin"

    def test_without_a_title_the_action_s_name_and_arguments_say_it(self):
        assert display.headline(open_ticket()) == "Transfer money: amount 250, to bob"

    def test_a_title_that_the_edited_arguments_do_not_fill_gives_way(self, alice):
        ticket = open_ticket("never_seen", card=Card(title="Pay {amount}"))
        decide(ticket, alice, "edit", args={"to": "erin"})
        assert display.headline(Ticket.objects.get(pk=ticket.pk)) == "Never seen: to erin"

    def test_nothing_that_the_database_cannot_hold_stands_on_a_card(self):
        ticket = open_ticket("pay", card=Card(title="Pay \ud800{to}", undo="x\x00"))
        assert "undo" not in ticket.card or "\x00" not in ticket.card["undo"]
        assert display.headline(Ticket.objects.get(pk=ticket.pk)).startswith("Pay ")


@pytest.mark.django_db
class TestAdmin:
    """Cards are made in the admin, with reasons, and recorded."""

    FORM: ClassVar = {
        "position": 1, "graph": "*", "action": "pay", "title": "Pay {to}", "salient": "to,amount",
        "reversible": "unknown", "undo": "", "environment": "", "risk": "high",
    }  # fmt: skip

    @pytest.fixture
    def desk(self, client, admin):
        client.force_login(admin)
        return client

    def test_a_card_is_made_changed_and_deleted_and_each_is_recorded(self, desk):
        desk.post(reverse("admin:approvals_actioncard_add"), self.FORM)
        row = ActionCard.objects.get()
        assert (row.salient, row.risk) == (["to", "amount"], "high")
        desk.post(reverse("admin:approvals_actioncard_change", args=[row.pk]), {**self.FORM, "risk": "low"})
        desk.post(reverse("admin:approvals_actioncard_delete", args=[row.pk]), {"post": "yes"})
        entries = AuditEntry.objects.filter(stream=catalogue.STREAM).order_by("seq")
        assert [(entry.type, entry.actor_name) for entry in entries] == [
            ("card.changed", "admin"),
            ("card.changed", "admin"),
            ("card.deleted", "admin"),
        ]
        told = entries[1].facts
        assert (told["before"]["risk"], told["after"]["risk"]) == ("high", "low")

    def test_a_title_that_reaches_elsewhere_is_refused_beside_its_field(self, desk):
        answer = desk.post(reverse("admin:approvals_actioncard_add"), {**self.FORM, "title": "Pay {to!r}"})
        assert "paths of arguments in its braces" in answer.content.decode()
        assert not ActionCard.objects.exists()

    def test_the_catalogue_writes_none_that_makes_no_sense(self):
        with pytest.raises(cards.BadCard):
            catalogue.save(ActionCard(action="pay", title="{"), actor=None)
        assert not ActionCard.objects.exists()
