"""Running totals: a limit cannot be passed in small steps."""

from __future__ import annotations

import pytest

from approvals import conditions, totals
from approvals.conditions import ConditionError, Total
from approvals.models import Ticket
from tests.factories import decide, make_policy, open_ticket

LIMIT = 'total("args.amount", "args.to", 24) + double(args.amount) > 1000.0'


@pytest.fixture
def limit(cast):
    """Small transfers need one reviewer; what comes to more than 1,000 a day for one payee needs finance too."""
    make_policy("Much", position=1, condition=LIMIT, risk="high", requirements={"finance": 1, "reviewers": 1})
    make_policy("Little", position=2, risk="medium", requirements={"reviewers": 1})


def transfer(amount, to="bob", **fields):
    return open_ticket(args={"amount": amount, "to": to}, **fields)


@pytest.mark.django_db
@pytest.mark.usefixtures("limit")
class TestLimit:
    def test_small_steps_add_up(self):
        assert [transfer(400).policy_name for _ in range(3)] == ["Little", "Little", "Much"]

    def test_another_recipient_has_a_total_of_its_own(self):
        transfer(900)
        assert transfer(900, to="erin").policy_name == "Little"

    def test_the_ticket_shows_the_total_with_it(self):
        transfer(1000)
        assert transfer(250).policy["totals"] == [
            {"what": "args.amount", "by": {"args.to": "bob"}, "hours": 24, "before": 1000.0, "with_this": 1250.0}
        ]

    def test_what_was_approved_counts(self, alice):
        decide(transfer(900), alice)
        assert transfer(200).policy_name == "Much"

    def test_what_was_refused_does_not_count(self, alice):
        decide(transfer(900), alice, "reject")
        assert transfer(200).policy_name == "Little"

    def test_what_ran_out_of_time_does_not_count(self):
        from approvals import deadlines

        ticket = transfer(900)
        Ticket.objects.filter(pk=ticket.pk).update(deadline_at="2020-01-01T00:00Z")
        deadlines.expire(ticket.pk)
        assert transfer(200).policy_name == "Little"

    def test_what_was_approved_before_the_window_does_not_count(self, alice):
        ticket = decide(transfer(900), alice)
        Ticket.objects.filter(pk=ticket.pk).update(resolved_at="2020-01-01T00:00Z", opened_at="2020-01-01T00:00Z")
        assert transfer(200).policy_name == "Little"

    def test_what_still_waits_counts_however_old_it_is(self):
        Ticket.objects.filter(pk=transfer(900).pk).update(opened_at="2020-01-01T00:00Z")
        assert transfer(200).policy_name == "Much"

    def test_an_edited_ticket_counts_with_its_edited_amount(self, alice):
        decide(transfer(100), alice, "edit", args={"amount": 950, "to": "bob"})
        assert transfer(100).policy_name == "Much"

    def test_digits_as_text_are_the_number_they_are(self):
        transfer("900")
        assert transfer("200").policy_name == "Much"

    def test_an_amount_below_zero_makes_no_room(self):
        transfer(-5000)
        transfer(900)
        assert transfer(200).policy_name == "Much"

    def test_an_amount_that_is_no_number_fails_closed_for_the_next(self):
        transfer(1)
        open_ticket("note", args={"amount": "a lot", "to": "bob"})
        ticket = transfer(1)
        assert (ticket.risk, ticket.policy_name) == ("critical", "Failed closed")
        assert "is not a number" in ticket.policy["condition_error"]

    def test_a_request_without_the_argument_fails_closed(self):
        assert open_ticket(args={"amount": 5}).policy_name == "Failed closed"

    def test_several_actions_of_one_interrupt_add_up(self, dave):
        from approvals import intake
        from approvals.contract import Origin
        from tests.factories import propose

        actions = [propose(args={"amount": 600, "to": "bob"}, position=n) for n in range(2)]
        opened = intake.open_tickets(actions, origin=Origin(graph="g", thread_id="t", interrupt_id="i" * 32))
        assert [ticket.policy_name for ticket in opened] == ["Little", "Much"]


@pytest.mark.django_db
@pytest.mark.usefixtures("cast")
@pytest.mark.parametrize(
    ("condition", "changed", "expected"),
    [
        ('count("args.to", 24) >= 1', {}, "Much"),
        ('count("args.to", 24) >= 1', {"args": {"to": "erin"}}, "Little"),
        ('count("args.to", 24) >= 1', {"args": {"to": ["bob"]}}, "Little"),
        ('count(["args.to", "action"], 24) >= 1', {"action": "delete_data"}, "Little"),
        ('count("graph", 24) >= 1', {"graph": "other"}, "Little"),
        ('count("graph", 24) >= 1', {"action": "delete_data"}, "Much"),
        ('count("requester", 24) >= 1', {}, "Much"),
        ('count("requester", 24) >= 1', {"requester": "alice"}, "Little"),
        ('count("requester", 24) >= 1', {"requester": None}, "Little"),
        ('count("args.bank.iban", 24) >= 1', {"args": {"bank": {"iban": 7, "bic": "X"}}}, "Much"),
        ('count("args.bank", 24) >= 1', {"args": {"bank": {"iban": 7}}}, "Little"),
        ('total("args.n", "args.to", 24) >= 3.0', {}, "Much"),
    ],
)
def test_what_is_the_same_is_what_counts(cast, condition, changed, expected):
    make_policy("Much", position=1, condition=condition, requirements={"reviewers": 2})
    make_policy("Little", position=2, requirements={"reviewers": 1})
    first = {"to": "bob", "n": 3, "bank": {"iban": 7, "bic": "B"}}
    open_ticket(args=first, requester=cast["dave"])
    changed = {"requester": "dave", **changed, "args": {**first, **changed.get("args", {})}}
    ticket = open_ticket(
        changed.pop("action", "transfer_money"), **{**changed, "requester": cast.get(changed["requester"])}
    )
    assert ticket.policy_name == expected


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ('total(args.amount, "args.to", 24) > 1.0', "as plain texts"),
        ('total("args.amount", "args.to") > 1.0', "as plain texts"),
        ('total("args.to", 24) > 1.0', "as plain texts"),
        ('"args.amount".total("args.to", 24) > 1.0', "as plain texts"),
        ('count("args.amount", "args.to", 24) > 1', "as plain texts"),
        ('total("amount", "args.to", 24) > 1.0', "a path like args.amount"),
        ('count("args.to; drop", 24) > 1', "knows action, graph, requester"),
        ('count("recipient", 24) > 1', "knows action, graph, requester"),
        ('count("args.to", 0) > 1', "looks back 1 to 744 hours"),
        ('count("args.to", 745) > 1', "looks back 1 to 744 hours"),
        ('count("args." + "to", 24) > 1', "as plain texts"),
        ('total // said\n ("args.amount", "args.to", 24) > 1.0', "as plain texts"),
        ('count(// said\n"args.to", 24) > 1', "as plain texts"),
    ],
)
def test_a_total_that_is_not_written_out_is_refused_when_saved(condition, words):
    with pytest.raises(ConditionError, match=words):
        conditions.compiled(condition)


def test_what_stands_in_a_text_or_a_comment_is_no_total():
    condition = 'args.note == "total(1)" && args.other != r\'count("\' // total(x)'
    assert conditions.totals_of(condition) == frozenset()
    assert conditions.holds(condition, {"args": {"note": "total(1)", "other": ""}})


@pytest.mark.django_db
@pytest.mark.parametrize("blank", ["\u2003", "\u3000", "\xa0", "\x85", "\x1c", "\t", "\v"])
def test_an_odd_blank_beside_an_earlier_amount_fails_closed_and_stops_nobody(cast, blank):
    make_policy("Large", condition=LIMIT, risk="high", requirements={"reviewers": 2})
    open_ticket(args={"amount": f"{blank}5{blank}", "to": "bob"})
    known = totals.amount(f"{blank}5{blank}") is not None
    assert open_ticket(args={"amount": 5, "to": "bob"}).policy_name == ("Unknown action" if known else "Failed closed")


def test_a_list_of_subjects_is_the_same_in_any_order_and_quotes():
    one, two = """count(["args.to", 'action'], 1) > 0""", 'count(["action","args.to"],1) > 0'
    assert conditions.totals_of(one) == conditions.totals_of(two) == {Total(what="", by=("action", "args.to"), hours=1)}


@pytest.mark.parametrize("tail", ["", " || true", " && false || true"])
def test_a_total_that_cannot_be_read_fails_whatever_stands_beside_it(tail):
    def broken(total):
        raise ConditionError("no such thing")

    with pytest.raises(ConditionError, match="no such thing"):
        conditions.holds('total("args.a", "args.to", 1) > 1.0' + tail, {"args": {}}, total=broken)


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3.0), (2.5, 2.5), (" 12.50 ", 12.5), ("-4", -4.0), (True, None), ("1e3", None), ("١٢", None), ([1], None)],
)
def test_amounts_are_read_as_the_database_reads_them(value, number):
    assert totals.amount(value) == number
