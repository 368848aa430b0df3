"""Who has signed, and is it enough? Pure: facts in, verdict out.

Requirements are met by different people and one person never counts twice, so counting is a matching of
people to places: each requirement offers `needed` places to members of its group, and the sign-offs given
are the largest set of places that different people can fill (augmenting paths, Kuhn 1955).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from approvals.states import DecisionType, Outcome

SIGNS = frozenset({DecisionType.APPROVE, DecisionType.EDIT})


@dataclass(frozen=True, kw_only=True)
class Need:
    """n sign-offs from a group; with none its members may sign without having to."""

    group: str
    needed: int


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One eligible person's word on the current revision."""

    reviewer: int
    type: str
    groups: frozenset[str]
    #: The words of an answer; only answers in the same words count together.
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What the votes come to: `outcome` is None while more are needed; `given` counts per requirement."""

    outcome: Outcome | None
    given: tuple[int, ...]


def tally(
    needs: Sequence[Need],
    votes: Sequence[Vote],
    *,
    deny_threshold: int = 1,
    answer_releases: bool = False,
    least_signers: int = 0,
) -> Tally:
    """Count the votes on one revision. No requirement at all is never met: it fails closed.

    A rejection (or as many as the policy's deny threshold) wins over everything, an answer wins over
    sign-offs: both are the safe side, for neither runs the action. Where the graph may act on the answer
    itself (`answer_releases`), it needs the same sign-offs as an approval, all in the same words.
    Whatever the requirements say, at least `least_signers` different people have to sign.
    """
    signs = [vote for vote in votes if vote.type in SIGNS]
    given = _given(needs, signs)
    answers = [vote for vote in votes if vote.type == DecisionType.RESPOND]
    answered = _agreed(needs, answers, least=least_signers) if answer_releases else bool(answers)
    denials = {vote.reviewer for vote in votes if vote.type == DecisionType.REJECT}
    if len(denials) >= max(deny_threshold, 1):
        return Tally(outcome=Outcome.REJECTED, given=given)
    if answered:
        return Tally(outcome=Outcome.ANSWERED, given=given)
    return Tally(outcome=Outcome.APPROVED if _met(needs, signs, least=least_signers) else None, given=given)


def next_up(needs: Sequence[Need], votes: Sequence[Vote]) -> int | None:
    """Where people sign one requirement after the other: the first that is not met; None when all are."""
    signs = [vote for vote in votes if vote.type in SIGNS]
    for last, _ in enumerate(needs):
        so_far = needs[: last + 1]
        if sum(_given(so_far, signs)) < sum(need.needed for need in so_far):
            return last
    return None


def may_begin(needs: Sequence[Need], groups: Collection[str]) -> bool:
    """Where people sign one requirement after the other: may members of these groups sign what nobody has signed?"""
    first = next((need for need in needs if need.needed), None)
    anytime = {need.group for need in needs if not need.needed}
    return first is None or first.group in groups or not anytime.isdisjoint(groups)


def shortfall(needs: Sequence[Need], people: Mapping[int, frozenset[str]], *, least_signers: int = 0) -> list[Need]:
    """What is still missing if everybody signed: of which groups how many. Empty where it can be met.

    `people` are those who may sign, with their groups. A group of "" stands for anybody of them.
    """
    signs = [Vote(reviewer=person, type=DecisionType.APPROVE, groups=groups) for person, groups in people.items()]
    filled = zip(needs, _given(needs, signs), strict=True)
    missing = [Need(group=need.group, needed=need.needed - given) for need, given in filled if given < need.needed]
    if missing or _met(needs, signs, least=least_signers):
        return missing
    return [Need(group="", needed=max(least_signers - len(people), 1))]


def _agreed(needs: Sequence[Need], answers: Sequence[Vote], *, least: int) -> bool:
    same = [[vote for vote in answers if vote.words == words] for words in {vote.words for vote in answers}]
    return any(_met(needs, votes, least=least) for votes in same)


def _met(needs: Sequence[Need], signs: Sequence[Vote], *, least: int) -> bool:
    filled = zip(_given(needs, signs), needs, strict=True)
    people = {vote.reviewer for vote in signs if any(need.group in vote.groups for need in needs)}
    return any(need.needed for need in needs) and all(n >= need.needed for n, need in filled) and len(people) >= least


def _given(needs: Sequence[Need], signs: Sequence[Vote]) -> tuple[int, ...]:
    places = [index for index, need in enumerate(needs) for _ in range(need.needed)]
    people = {vote.reviewer: vote.groups for vote in signs}
    holder: dict[int, int] = {}

    def seat(person: int, tried: set[int]) -> bool:
        for place, index in enumerate(places):
            if place in tried or needs[index].group not in people[person]:
                continue
            tried.add(place)
            if place not in holder or seat(holder[place], tried):
                holder[place] = person
                return True
        return False

    for person in people:
        seat(person, set())
    return tuple(sum(1 for place in holder if places[place] == index) for index in range(len(needs)))
