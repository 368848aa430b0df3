"""One after the other: the ticket that its reader had best take up next."""

from __future__ import annotations

from contextlib import suppress

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from approvals import claims, inbox
from approvals.errors import ApprovalError
from approvals.views.tickets import reader


@require_http_methods(["GET", "HEAD", "POST"])
def following(request: HttpRequest) -> HttpResponse:
    """Lead to it; a POST says “I am on it” as well. `after` names the ticket that is left for later."""
    user, after = reader(request), request.POST.get("after", "") or request.GET.get("after", "")
    found = inbox.next_for(user, after=int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0)
    for ticket_id in found:
        if request.method != "POST":
            return redirect("approvals:ticket", ticket_id)
        with suppress(ApprovalError):  # a colleague took it, or it ended, since it was looked up
            return redirect(claims.take(ticket_id, person=user))
    messages.info(request, "Nothing else is waiting for you that nobody is on.")
    return redirect("approvals:inbox")
