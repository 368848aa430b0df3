"""What administrators are told by mail: tickets that nobody can complete. One mail for all, and not often."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import connection, transaction
from django.db.models.functions import Now

from approvals import audit
from approvals.models import AuditEntry, Ticket

STREAM = "system/alarms"
#: Between two mails, however many tickets there are.
PAUSE = timedelta(minutes=10)
#: More are only counted.
LISTED = 20


def tell_admins() -> int:
    """Mail the superusers about stuck tickets that no mail has named yet; how many tickets it was about.

    One process at a time. A mail that cannot be sent is tried again at the next round.
    """
    with transaction.atomic():
        untold = Ticket.objects.stuck().filter(shortage_told_at=None)
        if not untold.exists() or not _is_my_turn() or _told_lately():
            return 0
        found = list(untold.select_for_update(of=("self",)).order_by("pk"))
        people = User.objects.filter(is_active=True, is_superuser=True).exclude(email="")
        addresses = list(people.values_list("email", flat=True))
        if found and addresses:
            send_mail(_subject(found), _text(found), None, addresses)
        Ticket.objects.filter(pk__in=[ticket.pk for ticket in found]).update(shortage_told_at=Now())
        audit.append("alarm.sent", stream=STREAM, tickets=[ticket.pk for ticket in found], to=len(addresses))
        return len(found)


def _is_my_turn() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 4))", [STREAM])
        return bool(cursor.fetchone()[0])


def _told_lately() -> bool:
    return AuditEntry.objects.filter(stream=STREAM, at__gt=Now() - PAUSE).exists()


def _subject(found: list[Ticket]) -> str:
    return f"Countersign: {len(found)} ticket{'' if len(found) == 1 else 's'} that nobody can sign"


def _text(found: list[Ticket]) -> str:
    # No arguments and no agent's words: a mail is read in places we know nothing of.
    address = settings.PUBLIC_URL.rstrip("/")
    lines = [f"{address}{ticket.get_absolute_url()}\n  {ticket.shortage}" for ticket in found[:LISTED]]
    rest = len(found) - LISTED
    more = [f"and {rest} more, in the inbox."] if rest > 0 else []
    return "\n\n".join(["Put more people into the groups, or change the policy.", *lines, *more]) + "\n"
