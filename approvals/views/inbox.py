"""The inbox: what waits, list by list, and what was decided. Everything that narrows a list is in its address."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals import clock, freezes, inbox, pace, practice, preferences
from approvals.filters import Filters
from approvals.inbox import Tab
from approvals.live import fragments
from approvals.models import Decision, Ticket, nearest_deadline
from approvals.views import lists
from approvals.views.tickets import reader

STUCK = 50


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """One list of what waits, fifty at a time; `?after=` goes on from the page before."""
    user, asked = reader(request), lists.asked(request.GET)
    tab, chosen = asked.tab, asked.filters
    listing = inbox.listing(user, tab, filters=chosen, after=asked.after)
    waiting = listing.ids if tab is Tab.YOU and not chosen else inbox.ids(user, Tab.YOU)
    known = {} if chosen else {tab.name: listing.count}
    recent = pace.of(user, now=clock.now())
    is_new = tab is Tab.YOU and not chosen and not recent.decided and _is_new(request)
    return render(
        request,
        "approvals/inbox.html",
        {
            "page": "inbox",
            **_listed(asked, listing),
            "tabs": inbox.counts(user, **{**known, "YOU": len(waiting)}),
            "waiting_ids": waiting,
            "most": inbox.MOST,
            "last": None if listing.tickets or chosen else _last(user),
            "stuck": _stuck(user) if tab is not Tab.SNOOZED else [],
            "returns": inbox.returns(user),
            "pace": recent,
            "frozen": freezes.standing(),
            "lessons": practice.LESSONS if is_new else (),
        },
    )


@require_safe
def beside(request: HttpRequest) -> HttpResponse:
    """The same list for the side of a ticket, asked for where there is room for it."""
    asked = lists.asked(request.GET)
    listing = inbox.listing(reader(request), asked.tab, filters=asked.filters, after=asked.after)
    ticket = request.GET.get("ticket", "")
    context = {
        **_listed(asked, listing),
        "open_id": int(ticket) if ticket.isdecimal() and len(ticket) < 19 else 0,
        "source": request.get_full_path(),
    }
    return render(request, "approvals/_beside_list.html", context)


@require_safe
def decided(request: HttpRequest) -> HttpResponse:
    """What was decided, the latest first; `?after=` goes on from the ticket that was last."""
    user, chosen, after = reader(request), Filters.of(request.GET), request.GET.get("after", "")
    context = {
        "page": "decided",
        "listing": inbox.decided(user, filters=chosen, after=after),
        "filters": chosen,
        "after": after,
        "tab": "",
        "tabs": inbox.counts(user),
    }
    return render(request, "approvals/decided.html", context)


@require_safe
def tabs(request: HttpRequest) -> HttpResponse:
    """The numbers beside the tabs and the next deadline, for a page that has heard of changes."""
    user, tab = reader(request), lists.asked(request.GET).tab
    found = inbox.urgencies(user, tab)
    context = {
        "tabs": inbox.counts(user, **{tab.name: len(found)}),
        "nearest": nearest_deadline(found),
        "is_narrowed": "narrowed" in request.GET,
    }
    return render(request, "approvals/_counts.html", context)


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """What a page missed since audit entry `?since=`, as out-of-band fragments."""
    since = request.GET.get("since", "")
    known = int(since) if since.isdecimal() and len(since) < 19 else 0
    return HttpResponse(fragments.changes_since(reader(request), known))


def _listed(asked: lists.Asked, listing: inbox.Listing) -> dict[str, Any]:
    """What the templates of a list need."""
    return {
        "tab": asked.tab,
        "filters": asked.filters,
        "after": asked.after,
        "list_query": asked.query,
        "listing": listing,
        "folded": inbox.folded(listing.tickets),
    }


def _is_new(request: HttpRequest) -> bool:
    """Has this person neither practised, skipped it nor decided anything?"""
    if preferences.of(request)["practice"] == preferences.Practice.DONE:
        return False
    return not Decision.objects.filter(reviewer=reader(request)).exists()


def _last(user: Any) -> Ticket | None:
    """The newest decision that the reader may see: an empty inbox should not look broken."""
    return Ticket.objects.visible_to(user).resolved().for_rows().first()


def _stuck(user: Any) -> list[Ticket]:
    if not user.is_staff:
        return []
    return list(Ticket.objects.visible_to(user).stuck().for_rows()[: STUCK + 1])
