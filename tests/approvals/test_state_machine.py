"""Anything people, clocks and workers can do to a ticket, in any order, on real Postgres.

Hypothesis chooses the policy and the steps; what is true after every step is written below as invariants. The
model keeps its own list of who said what and who is in which group, and finds the quorum by trying every
assignment of people to places, so that it shares no code with what it judges. `COUNTERSIGN_EXAMPLES` asks for
more examples than a quick run makes, `COUNTERSIGN_STEPS` for longer ones.
"""

from __future__ import annotations

import itertools
import json
import os

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from approvals import audit, deadlines, rosters, tickets
from approvals.contract import NewDecision
from approvals.decisions import record
from approvals.errors import ApprovalError
from approvals.models import AuditEntry, Decision, Ticket
from tests.factories import claim, make_policy, open_ticket, overdue, unguarded

PEOPLE = ("alice", "bob", "carol", "erin")
#: Mostly somebody who may: what is refused to others is a table of its own.
WHO = st.sampled_from((*PEOPLE, "alice", "bob", "dave"))
HOME = {"alice": "reviewers", "bob": "reviewers", "carol": "finance", "erin": "finance"}
#: Which entry says so when the state becomes this one, and when it goes back to waiting.
SAYS = {"approved", "rejected", "answered", "expired"}
WAITS_AGAIN = {"ticket.recalled", "ticket.reopened"}
SIGNS = {"approve", "edit"}


class Life(RuleBasedStateMachine):
    """One ticket from its opening on."""

    @initialize(
        needs=st.sampled_from([{"reviewers": 2}, {"finance": 1, "reviewers": 1}, {"finance": 1, "reviewers": 2}]),
        risk=st.sampled_from(["low", "medium", "high", "critical"]),
        gate=st.sampled_from(["soft", "hard", "hard", "manual"]),
        bar_editor=st.sampled_from([None, True, False]),
        in_sequence=st.booleans(),
        deny_threshold=st.integers(1, 2),
        recall_seconds=st.sampled_from([0, 3600]),
        requester=st.sampled_from(["dave", "dave", "dave", "erin"]),
    )
    def open(self, needs, risk, gate, requester, **terms):
        self.block = transaction.atomic()
        self.block.__enter__()
        soft = gate == "soft" and risk in {"low", "medium"}
        gate = "hard" if gate == "soft" and not soft else gate
        on_timeout = "approve" if soft else "reject"
        make_policy(risk=risk, gate=gate, on_timeout=on_timeout, confirm="{to}", requirements=needs, **terms)
        self.people = {user.username: user for user in User.objects.all()}
        self.needs, self.gate, self.terms, self.requester = needs, gate, terms, requester
        self.is_editor_barred = risk in {"high", "critical"} if terms["bar_editor"] is None else terms["bar_editor"]
        self.members = {who: {HOME[who]} if who in HOME else set() for who in (*PEOPLE, "dave")}
        self.active = set(self.members)
        self.ask()

    def ask(self):
        #: (who, word, revision), without those that were taken back; and the revisions that a recall touched.
        self.words: list[tuple[str, str, int]] = []
        self.touched: set[int] = set()
        self.editors: dict[int, str] = {}
        self.digests: list[str] = []
        self.delivered = 0
        self.ticket = open_ticket(requester=self.people[self.requester])
        self.before = ("pending", 0)

    def teardown(self):
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    # What can happen.

    @precondition(lambda self: self.ticket.state not in {"pending", "approved"} or self.delivered)
    @rule()
    def ask_again(self):
        self.ask()

    @precondition(lambda self: self.ticket.state == "pending")
    @rule(who=WHO, kind=st.sampled_from([*["approve"] * 6, "reject", "respond"]))
    def say(self, who, kind):
        self.decide(who, kind, message="no" if kind == "respond" else "")

    @precondition(lambda self: self.ticket.state == "pending")
    @rule(order=st.permutations(PEOPLE), is_edited=st.booleans())
    def everybody_signs(self, order, is_edited):
        if is_edited:
            self.edit(order[0], self.fresh().revision)
        for who in order:
            self.say(who, "approve")

    @precondition(lambda self: self.ticket.state == "pending")
    @rule(who=WHO, amount=st.integers(1, 3))
    def edit(self, who, amount):
        self.decide(who, "edit", args={"amount": amount, "to": "bob"})

    @precondition(lambda self: self.digests and self.ticket.state == "pending")
    @rule(who=WHO, data=st.data())
    def sign_what_was_shown_before(self, who, data):
        self.decide(who, "approve", digest=data.draw(st.sampled_from(self.digests)))

    @precondition(lambda self: self.ticket.state == "approved")
    @rule(who=WHO)
    def recall(self, who):
        if self.tried(lambda: tickets.recall(self.ticket.pk, actor=self.people[who])):
            standing = self.standing()
            taken = [word for word in self.words if word[2] == self.ticket.revision and word[:2] not in standing]
            assert taken, "a recall takes back at least one signature"
            assert all(kind in SIGNS for _, kind, _ in taken)
            self.words = [word for word in self.words if word not in taken]
            self.touched.add(self.ticket.revision)
            assert not self.is_signed(), "a recalled ticket never waits with its quorum met"

    @rule(
        who=st.sampled_from(PEOPLE), groups=st.sampled_from([[], ["reviewers"], ["finance"], ["reviewers", "finance"]])
    )
    def change_groups(self, who, groups):
        self.members[who] = set(groups)
        self.people[who].groups.set(Group.objects.filter(name__in=groups))

    @rule()
    def everybody_comes_home(self):
        for who in PEOPLE:
            self.change_groups(who, [HOME[who]])
            self.switch(who, on=True)

    def switch(self, who, *, on):
        self.active = self.active | {who} if on else self.active - {who}
        User.objects.filter(pk=self.people[who].pk).update(is_active=who in self.active)
        self.people[who] = User.objects.get(username=who)

    @rule()
    def look_at_the_rosters(self):
        rosters.review()

    @precondition(lambda self: self.ticket.state == "approved")
    @rule()
    def let_the_window_pass(self):
        with unguarded():
            Ticket.objects.filter(pk=self.ticket.pk, delivered_at=None).update(release_at=self.ticket.resolved_at)

    @precondition(lambda self: self.ticket.state == "pending")
    @rule()
    def let_the_deadline_pass(self):
        deadlines.expire(overdue(self.ticket).pk)

    @precondition(lambda self: self.ticket.state != "pending")
    @rule()
    def deliver(self):
        was = self.fresh()
        given = claim(was)
        if given:
            self.delivered += 1
            if was.outcome in {"approved", "edited"}:
                assert self.is_signed(), "delivered without a full quorum of eligible, different people"
            if was.outcome == "unopposed":
                assert self.gate == "soft" or was.risk == "low"
                assert was.revision not in self.touched
                assert not any(word[1:] == ("reject", was.revision) for word in self.words)

    @precondition(lambda self: self.ticket.state == "approved" and not self.delivered)
    @rule(who=st.sampled_from(PEOPLE), is_switched=st.booleans())
    def go_before_it_is_delivered(self, who, is_switched):
        if is_switched:
            self.switch(who, on=False)
        else:
            self.change_groups(who, [])
        self.let_the_window_pass()
        self.deliver()

    # What is always true.

    @invariant()
    def it_is_delivered_at_most_once(self):
        if hasattr(self, "ticket"):
            assert self.entries().filter(type="ticket.delivered").count() == self.delivered <= 1

    @invariant()
    def every_change_of_state_has_its_entry(self):
        if not hasattr(self, "ticket"):
            return
        state, seen = self.before
        entries = list(self.entries().order_by("seq")[seen:])
        now = self.fresh().state
        types = {entry.type for entry in entries}
        if now != state:
            assert f"ticket.{now}" in types if now in SAYS else WAITS_AGAIN & types
        shown = [json.loads(bytes(entry.body))["ticket"]["state"] for entry in entries]
        assert not shown or shown[-1] == now
        self.before = (now, seen + len(entries))

    @invariant()
    def the_chain_verifies(self):
        if hasattr(self, "ticket"):
            assert audit.verify_stream(f"ticket/{self.ticket.pk}") is None

    @invariant()
    def what_stands_is_what_was_said_and_not_taken_back(self):
        if hasattr(self, "ticket"):
            said = {word[:2] for word in self.words if word[2] == self.fresh().revision}
            assert self.standing() == said

    # The model.

    def fresh(self):
        self.ticket = Ticket.objects.get(pk=self.ticket.pk)
        return self.ticket

    def standing(self):
        votes = self.fresh().decisions.standing(self.ticket.revision)
        return set(votes.values_list("reviewer__username", "type"))

    def entries(self):
        return AuditEntry.objects.filter(ticket=self.ticket)

    def facts(self):
        return self.entries().count(), Decision.objects.count(), Ticket.objects.values_list().get(pk=self.ticket.pk)

    def tried(self, act):
        """Was it taken? A refusal changes nothing."""
        before = self.facts()
        try:
            with transaction.atomic():
                act()
        except ApprovalError:
            assert self.facts() == before
            return False
        return True

    def decide(self, who, kind, *, digest="", **fields):
        was = self.fresh()
        decision = NewDecision(type=kind, digest=digest or was.digest, confirm="bob", **fields)
        may = who in self.active and self.members[who] & self.needs.keys() and who != self.requester
        if not self.tried(lambda: record(was.pk, reviewer=self.people[who], decision=decision)):
            return
        now = self.fresh()
        assert may, f"{who} decided"
        assert decision.digest == was.digest, "decided on what is not shown any more"
        assert was.state == "pending"
        if now.revision > was.revision:
            self.editors[now.revision] = who
            self.digests.append(was.digest)
        elif kind == "edit":
            kind = "approve"
        assert (who, now.revision) not in {(word[0], word[2]) for word in self.words}, "one word for each version"
        if not self.is_early(who, kind):
            self.words.append((who, kind, now.revision))
        if now.state == "approved":
            assert self.is_signed(), "released without a full quorum of eligible, different people"

    def is_early(self, who, kind):
        """An edit by somebody whose turn to sign comes later is a new version, and no signature of it."""
        in_turn = not self.terms["in_sequence"] or next(iter(self.needs)) in self.members[who]
        return kind == "edit" and not in_turn and self.gate != "soft" and not self.is_editor_barred

    def is_signed(self):
        """Can different people, who may sign now and did sign exactly this, fill every place? By trying them all."""
        revision = self.ticket.revision
        kinds = {"approve"} if self.ticket.gate == "soft" else SIGNS
        signed = {who for who, kind, number in self.words if number == revision and kind in kinds}
        if self.is_editor_barred:
            signed.discard(self.editors.get(revision))
        signed = (signed & self.active) - {self.requester}
        places = [group for group, needed in self.needs.items() for _ in range(needed)]
        return any(
            all(group in self.members[who] for who, group in zip(chosen, places, strict=True))
            for chosen in itertools.permutations(sorted(signed), len(places))
        )


@pytest.mark.django_db
def test_no_order_of_events_breaks_the_promise(cast):
    assert connection.vendor == "postgresql"
    examples, steps = (int(os.environ.get(f"COUNTERSIGN_{name}", n)) for name, n in (("EXAMPLES", 25), ("STEPS", 25)))
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
