"""Counting people into places, by property."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.quorum import Need, Vote, may_begin, next_up, shortfall, tally
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


def by(reviewer, type="approve", *groups, words=""):
    return Vote(reviewer=reviewer, type=type, groups=frozenset(groups or {"reviewers"}), words=words)


ONE = [Need(group="reviewers", needed=1)]
TWO = [Need(group="reviewers", needed=2)]
BOTH = [Need(group="finance", needed=1), Need(group="reviewers", needed=1)]


def test_each_requirement_counts_its_own_signatures():
    needs = [Need(group="finance", needed=2), Need(group="reviewers", needed=2), Need(group="security", needed=1)]
    assert tally(needs, [by(1, "approve", "finance"), by(2), by(3, "edit")]).given == (1, 2, 0)


def test_one_more_place_is_found_by_moving_somebody():
    both = by(1, "approve", "finance", "reviewers")
    assert tally(BOTH, [both, by(2, "approve", "finance")]).given == (1, 1)


def test_a_place_is_found_by_moving_several_people_in_turn():
    needs = [*BOTH, Need(group="security", needed=1)]
    votes = [
        by(1, "approve", "finance", "reviewers"),
        by(2, "approve", "finance", "reviewers", "security"),
        by(3, "approve", "finance"),
    ]
    assert tally(needs, votes).given == (1, 1, 1)


def test_signatures_past_what_is_asked_for_are_not_given():
    assert tally(ONE, [by(1), by(2)]).given == (1,)


def test_the_tally_of_a_rejected_and_of_an_answered_ticket_counts_too():
    assert tally(TWO, [by(1), by(2, "reject")]).given == (1,)
    assert tally(TWO, [by(1), by(2, "respond")]).given == (1,)


def test_a_threshold_of_none_is_one():
    assert tally(ONE, [], deny_threshold=0).outcome is None
    assert tally(ONE, [by(1, "reject")], deny_threshold=0).outcome == Outcome.REJECTED


def test_one_person_rejecting_twice_is_one_rejection():
    assert tally(ONE, [by(1, "reject")] * 2, deny_threshold=2).outcome is None


def test_one_answer_is_enough_where_it_runs_nothing():
    assert tally(TWO, [by(1, "respond")]).outcome == Outcome.ANSWERED


def test_an_answer_wins_over_signatures():
    assert tally(ONE, [by(1), by(2, "respond")]).outcome == Outcome.ANSWERED


def test_an_answer_that_may_act_needs_as_many_as_an_approval():
    yes = [by(n, "respond", words="yes") for n in (1, 2)]
    assert tally(TWO, yes[:1], answer_releases=True).outcome is None
    assert tally(TWO, yes, answer_releases=True).outcome == Outcome.ANSWERED


def test_answers_that_may_act_count_together_only_in_the_same_words():
    said = [by(1, "respond", words="yes"), by(2, "respond", words="no"), by(3, "respond", words="yes")]
    assert tally(TWO, said[:2], answer_releases=True).outcome is None
    assert tally(TWO, said, answer_releases=True).outcome == Outcome.ANSWERED


def test_an_answer_that_may_act_needs_the_least_of_people_too():
    yes = [by(n, "respond", words="yes") for n in (1, 2)]
    assert tally(ONE, yes[:1], answer_releases=True, least_signers=2).outcome is None
    assert tally(ONE, yes, answer_releases=True, least_signers=2).outcome == Outcome.ANSWERED


def test_at_least_so_many_people_sign_whatever_is_required():
    assert tally(ONE, [by(1)], least_signers=2).outcome is None
    assert tally(ONE, [by(1), by(2)], least_signers=2).outcome == Outcome.APPROVED


def test_somebody_of_no_group_that_is_asked_is_no_signer():
    assert tally(ONE, [by(1), by(2, "approve", "pirates")], least_signers=2).outcome is None


def test_a_group_that_may_sign_and_need_not_makes_up_the_number():
    needs = [*ONE, Need(group="finance", needed=0)]
    assert tally(needs, [by(1), by(2, "approve", "finance")], least_signers=2).outcome == Outcome.APPROVED


def test_groups_that_need_not_sign_are_no_requirement():
    assert tally([Need(group="reviewers", needed=0)], [by(1)]).outcome is None


def test_the_first_requirement_that_is_not_met_is_next():
    assert next_up(BOTH, []) == 0
    assert next_up(BOTH, [by(1, "approve", "finance")]) == 1
    assert next_up(BOTH, [by(1, "approve", "finance"), by(2)]) is None


def test_a_later_signature_does_not_come_first():
    assert next_up(BOTH, [by(1)]) == 0


def test_only_signatures_take_a_turn():
    assert next_up(ONE, [by(1, "reject")]) == 0


def test_of_two_places_one_filled_is_still_next():
    needs = [Need(group="finance", needed=2), *ONE]
    assert next_up(needs, [by(1, "approve", "finance"), by(2)]) == 0


def test_somebody_who_could_fill_both_is_not_counted_for_both():
    assert next_up(BOTH, [by(1, "approve", "finance", "reviewers")]) == 1


PEOPLE = {1: frozenset({"reviewers"}), 2: frozenset({"reviewers", "finance"})}


def test_nothing_is_missing_where_all_could_sign():
    assert shortfall(BOTH, PEOPLE) == []
    assert shortfall(BOTH, PEOPLE, least_signers=2) == []


def test_what_is_missing_is_said_by_group_and_number():
    needs = [Need(group="reviewers", needed=4), Need(group="security", needed=1), Need(group="finance", needed=0)]
    assert shortfall(needs, PEOPLE) == [Need(group="reviewers", needed=2), Need(group="security", needed=1)]


def test_too_few_people_are_missing_of_anybody():
    assert shortfall(ONE, PEOPLE, least_signers=5) == [Need(group="", needed=3)]


def test_where_nothing_is_required_one_of_anybody_is_missing():
    assert shortfall([], PEOPLE) == [Need(group="", needed=1)]
    assert shortfall([], {}) == [Need(group="", needed=1)]


@pytest.mark.parametrize(
    ("needs", "groups", "expected"),
    [
        ([("finance", 1), ("reviewers", 1)], {"finance"}, True),
        ([("finance", 1), ("reviewers", 1)], {"reviewers"}, False),
        ([("finance", 1), ("reviewers", 1)], {"reviewers", "finance"}, True),
        ([("finance", 1), ("reviewers", 1)], set(), False),
        ([("security", 0), ("finance", 1), ("reviewers", 1)], {"reviewers"}, False),
        ([("security", 0), ("finance", 1), ("reviewers", 1)], {"security"}, True),
        ([("security", 0), ("finance", 1), ("reviewers", 1)], {"finance"}, True),
        ([("security", 0)], set(), True),
        ([], {"finance"}, True),
    ],
)
def test_in_sequence_those_begin_who_are_asked_first_or_at_any_time(needs, groups, expected):
    assert may_begin([Need(group=group, needed=needed) for group, needed in needs], groups) is expected
