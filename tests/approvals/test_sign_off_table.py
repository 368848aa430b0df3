"""Who asked, what was said, where it stands: the table of sign-off, in the manner of Teleport's review thresholds.

Alice and Bob are reviewers, Carol and Erin finance, Frank security; Dave is in no group. A word is written
`who: what`, in turn; `edit` changes the amount, `recall` takes the approval back. What follows the arrow is the
state, or the refusal of the last word.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from approvals import tickets
from approvals.errors import ApprovalError
from tests.factories import decide, make_policy, open_ticket

pytestmark = pytest.mark.django_db

POLICIES: dict[str, dict[str, Any]] = {
    "one": {"requirements": {"reviewers": 1}},
    "two": {"requirements": {"reviewers": 2}},
    "both": {"requirements": {"reviewers": 1, "finance": 1}},
    "high": {"risk": "high", "requirements": {"reviewers": 1, "finance": 1}},
    "high, editor signs": {"risk": "high", "bar_editor": False, "requirements": {"reviewers": 1, "finance": 1}},
    "editor barred": {"bar_editor": True, "requirements": {"reviewers": 1}},
    "in sequence": {"in_sequence": True, "requirements": {"finance": 1, "reviewers": 1}},
    "two against": {"deny_threshold": 2, "requirements": {"reviewers": 2, "finance": 1}},
    "requester signs": {"bar_requester": False, "requirements": {"reviewers": 2}},
    "soft": {"gate": "soft", "on_timeout": "approve", "requirements": {"reviewers": 1}},
    "manual": {"gate": "manual", "confirm": "{to}", "requirements": {"reviewers": 1}},
    "nobody": {"requirements": {"pirates": 1}},
}

#: policy | who asked | what was said -> what became of it
TABLE = """
one             | dave  |                                            -> pending
one             | dave  | alice: approve                             -> approved
one             | dave  | alice: reject                              -> rejected
one             | dave  | alice: respond                             -> answered
one             | dave  | dave: approve                              -> own_request
one             | dave  | carol: approve                             -> not_an_approver
one             | dave  | admin: approve                             -> not_an_approver
one             | alice | alice: approve                             -> own_request
one             | alice | alice: reject                              -> own_request
one             | alice | bob: approve                               -> approved
one             | dave  | alice: approve, bob: approve               -> ticket_closed
one             | dave  | alice: reject, bob: approve                -> ticket_closed
one             | dave  | alice: edit                                -> approved
one             | dave  | alice: approve, alice: recall              -> pending
one             | dave  | alice: approve, bob: recall                -> pending
one             | dave  | alice: approve, carol: recall              -> not_an_approver
one             | dave  | alice: approve, dave: recall               -> own_request
one             | dave  | alice: recall                              -> ticket_closed
one             | dave  | alice: reject, alice: recall               -> ticket_closed
one             | dave  | alice: approve, alice: recall, alice: approve -> approved
one             | dave  | alice: approve, bob: recall, alice: reject -> rejected
two             | dave  | alice: approve                             -> pending
two             | dave  | alice: approve, alice: approve             -> already_decided
two             | dave  | alice: approve, alice: reject              -> already_decided
two             | dave  | alice: approve, bob: approve               -> approved
two             | dave  | alice: approve, bob: reject                -> rejected
two             | dave  | alice: approve, bob: edit                  -> pending
two             | dave  | alice: approve, bob: edit, alice: approve  -> approved
two             | dave  | alice: approve, bob: edit, bob: approve    -> already_decided
two             | dave  | alice: edit, alice: edit, bob: approve     -> approved
two             | bob   | alice: approve                             -> pending
two             | bob   | alice: approve, bob: approve               -> own_request
both            | dave  | alice: approve, bob: approve               -> pending
both            | dave  | alice: approve, carol: approve             -> approved
both            | dave  | carol: approve, alice: approve             -> approved
both            | dave  | carol: approve, erin: approve              -> pending
both            | dave  | alice: approve, frank: approve             -> not_an_approver
both            | dave  | alice: approve, carol: approve, alice: recall, alice: approve -> approved
both            | dave  | alice: approve, bob: approve, carol: approve, alice: recall, alice: approve -> pending
high            | dave  | carol: edit, alice: approve                -> pending
high            | dave  | carol: edit, alice: approve, erin: approve -> approved
high            | dave  | carol: edit, erin: edit, alice: approve    -> pending
high            | dave  | carol: edit, erin: edit, alice: approve, carol: approve -> approved
high, editor signs | dave | carol: edit, alice: approve              -> approved
editor barred   | dave  | alice: edit                                -> pending
editor barred   | dave  | alice: edit, alice: approve                -> already_decided
editor barred   | dave  | alice: edit, bob: approve                  -> approved
in sequence     | dave  | alice: approve                             -> not_your_turn
in sequence     | dave  | alice: edit                                -> not_your_turn
in sequence     | dave  | alice: respond                             -> not_your_turn
in sequence     | dave  | alice: reject                              -> rejected
in sequence     | dave  | carol: approve, alice: approve             -> approved
in sequence     | dave  | carol: approve, alice: approve, carol: recall, alice: approve -> not_your_turn
in sequence     | dave  | carol: approve, alice: approve, carol: recall, erin: approve  -> approved
two against     | dave  | alice: reject                              -> pending
two against     | dave  | alice: reject, bob: reject                 -> rejected
two against     | dave  | alice: reject, carol: reject               -> rejected
two against     | dave  | alice: reject, alice: reject               -> already_decided
two against     | dave  | alice: approve, bob: approve, carol: reject, erin: approve -> approved
requester signs | alice | alice: approve                             -> pending
requester signs | alice | alice: approve, bob: approve               -> approved
soft            | dave  | alice: edit                                -> pending
soft            | dave  | alice: edit, bob: approve                  -> approved
soft            | dave  | alice: reject                              -> rejected
manual          | dave  | alice: approve                             -> confirmation_required
manual          | dave  | alice: confirm                             -> approved
manual          | dave  | alice: reject                              -> rejected
nobody          | dave  | alice: approve                             -> not_an_approver
"""


def cases():
    for line in TABLE.strip().splitlines():
        case, _, expected = line.rpartition("->")
        policy, requester, words = (part.strip() for part in case.split("|"))
        said = [tuple(word.split(": ")) for word in words.split(", ")] if words else []
        yield pytest.param(policy, requester, said, expected.strip(), id=" ".join(line.split()))


def say(ticket, person, what):
    if what == "recall":
        return tickets.recall(ticket.pk, actor=person)
    if what == "confirm":
        return decide(ticket, person, "approve", confirm="bob")
    more = {"edit": {"args": {"amount": ticket.args["amount"] + 1, "to": "bob"}}, "respond": {"message": "later"}}
    return decide(ticket, person, what, **more.get(what, {}))


@pytest.mark.parametrize(("policy", "requester", "said", "expected"), list(cases()))
def test_sign_off(cast, policy, requester, said, expected):
    Group.objects.get_or_create(name="pirates")
    make_policy(**POLICIES[policy])
    ticket = open_ticket(requester=cast[requester])
    became = ticket.state
    for place, (who, what) in enumerate(said, start=1):
        try:
            ticket = say(ticket, cast[who], what)
            became = ticket.state
        except ApprovalError as refusal:
            assert place == len(said), f"{who}: {what} was refused: {refusal}"
            became = refusal.code
    assert became == expected
