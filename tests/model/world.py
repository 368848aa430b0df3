"""One ticket, a few people, any number of workers: every step that can be taken next, and nothing else.

Pure, and written from the design, not from the code: a state is a value, a step a sentence and the state after it.
Each defence can be switched off. A worker that is slow looks to everybody else like one that is dead, so what is
done about the dead is done to the slow as well; a job comes as often as it likes, at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, kw_only=True)
class Defences:
    """What stands between the ticket and an effect that nobody approved, or a second one."""

    digest_is_bound: bool = True
    edit_voids_votes: bool = True
    release_checks_people: bool = True
    claim_checks_people: bool = True
    requester_is_barred: bool = True
    editor_is_barred: bool = True
    one_word_each: bool = True
    row_is_locked: bool = True
    claim_is_once: bool = True
    claim_ends_recall: bool = True
    doubt_is_not_retried: bool = True


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Who there is, and what the policy asks for."""

    people: str
    requester: str
    needed: int = 2
    revisions: int = 3
    may_editor_sign: bool = True


class Vote(NamedTuple):
    """A yes: by whom, on which revision it was written down, and which one its reviewer had looked at."""

    who: str
    revision: int
    seen: int


class Worker(NamedTuple):
    """Somebody who holds the approval of a revision; `acted`: the effect is out and not written down."""

    revision: int
    acted: bool


class State(NamedTuple):
    """Everything that is true at one moment."""

    revision: int = 1
    editor: str = ""
    state: str = "pending"
    votes: tuple[Vote, ...] = ()
    #: Who is in the group now, and which revision each one's page shows.
    members: str = ""
    pages: tuple[int, ...] = ()
    #: Without the row lock: who has read what and not yet written.
    counting: tuple[tuple[Vote, tuple[Vote, ...]], ...] = ()
    jobs: int = 0
    is_claimed: bool = False
    execution: str = "not started"
    workers: tuple[Worker, ...] = ()
    effects: tuple[int, ...] = ()


class Step(NamedTuple):
    """What happened, and how things stand then."""

    told: str
    after: State


def first(rules: Rules) -> State:
    """The ticket as it opened, on everybody's page."""
    return State(members=rules.people, pages=(1,) * len(rules.people))


def steps(now: State, rules: Rules, on: Defences) -> Iterator[Step]:
    """Every step that can be taken next."""
    yield from _claims(now, rules, on)
    yield from _work(now)
    yield from _mending(now, on)
    yield from _written(now, rules, on)
    for place, who in enumerate(rules.people):
        seen = now.pages[place]
        if seen != now.revision:
            pages = (*now.pages[:place], now.revision, *now.pages[place + 1 :])
            yield Step(f"{who} reloads the page", now._replace(pages=pages))
        yield from _words(now, who, seen, rules, on)
        yield from _recalls(now, who, on)
        if who in now.members:
            yield Step(f"{who} leaves the group", now._replace(members=now.members.replace(who, "")))


def enough(now: State, votes: tuple[Vote, ...], rules: Rules, on: Defences, *, check_people: bool) -> bool:
    """Is the quorum met, as the defences that are on count it?"""
    who = [
        vote.who
        for vote in votes
        if (vote.revision == now.revision or not on.edit_voids_votes)
        and (vote.who in now.members or not check_people)
        and (vote.who != rules.requester or not on.requester_is_barred)
        and (vote.who != now.editor or rules.may_editor_sign or not on.editor_is_barred)
    ]
    return len(set(who) if on.one_word_each else who) >= rules.needed


def _words(now: State, who: str, seen: int, rules: Rules, on: Defences) -> Iterator[Step]:
    is_barred = who == rules.requester and on.requester_is_barred
    if now.state != "pending" or who not in now.members or is_barred:
        return
    if seen != now.revision and on.digest_is_bound:
        return
    if now.revision < rules.revisions:
        vote = Vote(who, now.revision + 1, now.revision + 1)
        place = rules.people.index(who)
        pages = (*now.pages[:place], vote.revision, *now.pages[place + 1 :])
        edited = now._replace(revision=vote.revision, editor=who, pages=pages)
        yield Step(f"{who} edits: revision {vote.revision}", _counted(edited, vote, edited.votes, rules, on))
    said = [vote for vote in now.votes if vote.who == who and vote.revision == now.revision]
    if len(said) >= (1 if on.one_word_each else 2):
        return
    vote = Vote(who, now.revision, seen)
    if on.row_is_locked:
        yield Step(f"{who} approves what revision {seen} says", _counted(now, vote, now.votes, rules, on))
    elif all(who != reading.who for reading, _ in now.counting):
        yield Step(f"{who} approves, and reads {len(now.votes)} votes", _reading(now, vote))


def _reading(now: State, vote: Vote) -> State:
    return now._replace(counting=tuple(sorted((*now.counting, (vote, now.votes)))))


def _written(now: State, rules: Rules, on: Defences) -> Iterator[Step]:
    """Without the lock: what was read then is counted now."""
    for place, (vote, read) in enumerate(now.counting):
        rest = now._replace(counting=now.counting[:place] + now.counting[place + 1 :])
        yield Step(f"{vote.who}'s vote is written and counted", _counted(rest, vote, read, rules, on))


def _counted(now: State, vote: Vote, read: tuple[Vote, ...], rules: Rules, on: Defences) -> State:
    after = now._replace(votes=tuple(sorted((*now.votes, vote))))
    if not enough(after, (*read, vote), rules, on, check_people=on.release_checks_people):
        return after
    return after._replace(state="approved", jobs=after.jobs + 1)


def _recalls(now: State, who: str, on: Defences) -> Iterator[Step]:
    is_too_late = now.is_claimed and on.claim_ends_recall
    if now.state != "approved" or now.counting or is_too_late or who not in {vote.who for vote in now.votes}:
        return
    votes = tuple(vote for vote in now.votes if vote.revision != now.revision)
    yield Step(f"{who} recalls", now._replace(state="pending", votes=votes, jobs=0))


def _claims(now: State, rules: Rules, on: Defences) -> Iterator[Step]:
    """A job comes: for the first time, or again."""
    if now.state != "approved" or (now.is_claimed and on.claim_is_once) or len(now.workers) > 1:
        return
    if on.claim_checks_people and not enough(now, now.votes, rules, on, check_people=True):
        yield Step("a worker finds the signers gone: it waits again", now._replace(state="pending", jobs=0))
        return
    workers = (*now.workers, Worker(now.revision, acted=False))
    claimed = now._replace(is_claimed=True, execution="started", workers=tuple(sorted(workers)))
    yield Step(f"a worker claims revision {now.revision}", claimed)


def _work(now: State) -> Iterator[Step]:
    for place, worker in enumerate(now.workers):
        rest = now._replace(workers=now.workers[:place] + now.workers[place + 1 :])
        yield Step("a worker is killed", rest)
        if worker.acted:
            yield Step("a worker writes down that it happened", rest._replace(execution="succeeded"))
            continue
        acted = (*rest.workers, Worker(worker.revision, acted=True))
        paid = rest._replace(workers=tuple(sorted(acted)), effects=(*now.effects, worker.revision))
        yield Step(f"the effect of revision {worker.revision}", paid)
        if now.execution in {"started", "unknown"}:
            yield Step("the other side refuses: proven that nothing happened", rest._replace(execution="failed"))


def _mending(now: State, on: Defences) -> Iterator[Step]:
    """Nobody has heard of the worker: slow or dead is not to be told apart. Then a person tries it again."""
    if now.execution == "started":
        yield Step("reconcile: no outcome, so it is unknown", now._replace(execution="unknown"))
    is_proven = now.execution == "failed"
    if is_proven or (now.execution == "unknown" and not on.doubt_is_not_retried):
        again = tuple(sorted((*now.workers, Worker(now.revision, acted=False))))
        if len(again) <= 2:
            yield Step("a person has it tried again", now._replace(execution="started", workers=again))
