"""The inbox: what needs me, what waits for others, what was decided."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.live import fragments
from approvals.models import Ticket
from approvals.views.tickets import reader

SHOWN = 50
DECIDED = 20


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Three lists; the decided one goes on from `?after=`. A list that is cut says so."""
    user, after = reader(request), request.GET.get("after", "")
    visible = Ticket.objects.visible_to(user)
    decided = visible.decided_before(int(after)) if after.isdecimal() and len(after) < 19 else visible.resolved()
    needed = visible.needing(user).by_urgency(user).for_list()[: SHOWN + 1]
    others = visible.pending().not_needing(user).by_urgency().for_list()[: SHOWN + 1]
    return render(
        request,
        "approvals/inbox.html",
        {
            "page": "inbox",
            "needed": list(needed),
            "others": list(others),
            "stuck": list(visible.stuck().for_list()[: SHOWN + 1]) if user.is_staff else [],
            "snoozed": list(visible.snoozed_by(user).for_list()[:SHOWN]),
            "decided": list(decided.for_list()[: DECIDED + 1]),
            "after": after,
            "shown": SHOWN,
            "decided_shown": DECIDED,
        },
    )


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """What a page missed since audit entry `?since=`, as out-of-band fragments."""
    since = request.GET.get("since", "")
    known = int(since) if since.isdecimal() and len(since) < 19 else 0
    return HttpResponse(fragments.changes_since(reader(request), known))
