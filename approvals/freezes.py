"""Freezing: nothing is carried out until an operator has looked.

While a freeze stands no worker is given a run and no answer is handed to an agent; the database refuses both,
whoever asks. People may go on deciding: what they say is recorded and waits with the rest.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Exists, Q
from django.db.models.functions import Now

from approvals import audit
from approvals.errors import NotFrozen
from approvals.models import Freeze

STREAM = "system/freezes"


def standing() -> Freeze | None:
    """The freeze that stands, if there is one."""
    return Freeze.objects.standing().first()


def is_frozen() -> bool:
    """May nothing be carried out?"""
    return Freeze.objects.standing().exists()


def none_stands() -> Q:
    """In any query: may something be carried out?"""
    return Q(~Exists(Freeze.objects.standing()))


def freeze(reason: str, *, head_size: int | None = None, head_root: bytes | None = None) -> bool:
    """Stop everything; False where everything is stopped already."""
    try:
        with transaction.atomic():
            if is_frozen():
                return False
            Freeze.objects.create(reason=reason, head_size=head_size, head_root=head_root)
            audit.append("execution.frozen", stream=STREAM, reason=reason)
    except IntegrityError:  # somebody else was faster
        return False
    return True


def clear(*, reason: str, by: User | None) -> Freeze:
    """Let work go on; `by` is None for the operator at the command line. Raises NotFrozen."""
    with transaction.atomic():
        found = Freeze.objects.standing().select_for_update().first()
        if found is None:
            raise NotFrozen
        found.cleared_at, found.cleared_by, found.cleared_because = Now(), by, reason
        found.save(update_fields=["cleared_at", "cleared_by", "cleared_because"])
        audit.append("execution.cleared", stream=STREAM, actor=by, reason=reason, frozen=found.reason)
    return found
