"""Counting people into places, by property."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from approvals.quorum import Need, Vote, tally
from approvals.states import Outcome

GROUPS = ("reviewers", "finance", "security")
needs = st.lists(
    st.builds(Need, group=st.sampled_from(GROUPS), needed=st.integers(1, 3)),
    max_size=3,
    unique_by=lambda need: need.group,
)
types = st.sampled_from(["approve", "edit", "reject", "respond"])
members = st.frozensets(st.sampled_from(GROUPS))
votes = st.lists(
    st.builds(Vote, reviewer=st.integers(1, 6), type=types, groups=members),
    max_size=6,
    unique_by=lambda vote: vote.reviewer,
)


def met_by_brute_force(needs, signs):
    places = [need.group for need in needs for _ in range(need.needed)]
    return any(
        all(place in vote.groups for place, vote in zip(places, people, strict=True))
        for people in itertools.permutations(signs, len(places))
    )


@given(needs, votes)
def test_approved_exactly_when_different_people_can_fill_every_place(needs, votes):
    signs = [v for v in votes if v.type in ("approve", "edit")]
    expected = bool(needs) and len(signs) == len(votes) and met_by_brute_force(needs, signs)
    assert (tally(needs, votes).outcome == Outcome.APPROVED) == expected


@given(needs, votes)
def test_the_order_of_votes_does_not_matter(needs, votes):
    assert tally(needs, votes).outcome == tally(needs, votes[::-1]).outcome


@given(needs, votes)
def test_nobody_counts_twice(needs, votes):
    signs = [v for v in votes if v.type in ("approve", "edit")]
    assert sum(tally(needs, votes).given) <= len(signs)


@given(needs, votes)
def test_a_rejection_wins(needs, votes):
    no = Vote(reviewer=99, type="reject", groups=frozenset({"reviewers"}))
    assert tally(needs, [*votes, no]).outcome == Outcome.REJECTED


@given(votes.filter(lambda votes: all(v.type in ("approve", "edit") for v in votes)))
def test_no_requirement_is_never_met(votes):
    assert tally([], votes).outcome is None


def test_a_deny_threshold_waits_for_as_many_rejections():
    no = [Vote(reviewer=n, type="reject", groups=frozenset({"reviewers"})) for n in (1, 2)]
    need = [Need(group="reviewers", needed=1)]
    assert tally(need, no[:1], deny_threshold=2).outcome is None
    assert tally(need, no, deny_threshold=2).outcome == Outcome.REJECTED
