"""What somebody has typed on a ticket and not sent: it outlives a closed tab, a sign-in and another device.

It is theirs alone and no fact of the record. It goes with their decision and with the end of the ticket; what was
begun on an older version is laid over the newer one, as an edit of it would be; JSON, which says all of it, stays as
it was typed and is marked with what it would change now.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from approvals import digests, forms, policy
from approvals.arguments import check_words
from approvals.errors import DecisionNotAllowed, StaleDigest, TicketClosed, TooLarge
from approvals.models import Ticket, Unsent
from approvals.states import DecisionType

#: All of a form, in characters. More is not kept, and can be sent all the same.
MOST = 200_000
WORDS = "message"


def keep(ticket_id: int, *, person: User, kind: str, digest: str, posted: Mapping[str, str]) -> None:
    """Keep the words and arguments of a form in the place of those before; nothing where nothing is typed.

    What is typed or ticked as proof of care is not kept: that is done anew. Raises an ApprovalError where this
    person could not decide, where it is too much or no text, or about a version that there never was.
    """
    kept = {name: text for name, text in posted.items() if name == WORDS or name.startswith("args")}
    for name, text in {**kept, "digest": digest, "type": kind}.items():
        check_words(name, path="")
        check_words(text, path="")
    if sum(len(name) + len(text) for name, text in kept.items()) > MOST:
        raise TooLarge(limit="at most 200,000 characters are kept")
    if kind not in DecisionType.values:
        raise DecisionNotAllowed(type=kind[:40])
    with transaction.atomic():
        # A decision that is being written comes first, and takes with it what would be kept here.
        ticket = Ticket.objects.select_for_update(of=("self",), no_key=True).get(pk=ticket_id)
        policy.may_still_decide(person, ticket)
        if not ticket.is_open:
            raise TicketClosed(state=ticket.state)
        if not ticket.revisions.filter(digest=digest).exists():
            raise StaleDigest(digest=ticket.digest, revision=ticket.revision)
        mine = Unsent.objects.filter(ticket=ticket, person=person, kind=kind)
        if _is_nothing(ticket, kind, digest, kept):
            mine.delete()
        else:
            found = {"digest": digest, "posted": kept, "at": Now()}
            mine.update_or_create(ticket=ticket, person=person, kind=kind, defaults=found)


def of(ticket: Ticket, person: User) -> dict[str, Unsent]:
    """What this person has begun on the ticket, by kind of decision. One query."""
    return {unsent.kind: unsent for unsent in Unsent.objects.filter(ticket=ticket, person=person)}


def words(begun: Mapping[str, Unsent]) -> dict[str, str]:
    """The words of each kind of decision."""
    return {kind: unsent.posted.get(WORDS, "") for kind, unsent in begun.items()}


def arguments(ticket: Ticket, begun: Mapping[str, Unsent]) -> forms.ArgumentsForm | None:
    """The form of an edit that was begun; None where there is none."""
    unsent = begun.get(DecisionType.EDIT)
    if unsent is None or not _has_arguments(unsent.posted):
        return None
    return forms.edited(ticket, {**unsent.posted, "digest": unsent.digest})


def answer(begun: Mapping[str, Unsent]) -> dict[str, str] | None:
    """The fields of an answer that was begun."""
    unsent = begun.get(DecisionType.RESPOND)
    return unsent.posted if unsent and _has_arguments(unsent.posted) else None


def _has_arguments(posted: Mapping[str, str]) -> bool:
    return any(name != WORDS for name in posted)


def _is_nothing(ticket: Ticket, kind: str, digest: str, posted: Mapping[str, str]) -> bool:
    if posted.get(WORDS, "").strip():
        return False
    if kind != DecisionType.EDIT:
        return not any(text.strip() for name, text in posted.items() if not name.endswith(("~state", "~rows")))
    form = forms.edited(ticket, {**posted, "digest": digest})
    return form.is_valid() and digests.alike(form.args, ticket.args)
