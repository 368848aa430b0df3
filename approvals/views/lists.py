"""Which list a page shows, or its ticket was opened from: all of that stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.http import HttpRequest, QueryDict

from approvals import inbox
from approvals.filters import Filters
from approvals.inbox import Tab


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A list of the inbox as somebody has narrowed it, and how far they have gone in it."""

    tab: Tab
    filters: Filters
    after: str

    @property
    def query(self) -> str:
        """What follows its address, and that of a ticket in it; nothing for all that waits for the reader."""
        query = self.filters.query(tab=self.tab, after=self.after)
        return f"?{query}" if query else ""


def asked(told: Mapping[str, str]) -> Asked:
    """The list that the query of an address asks for."""
    tab, after = told.get("tab", ""), told.get("after", "")
    return Asked(
        tab=Tab(tab) if tab in Tab.values else Tab.YOU,
        filters=Filters.of(told),
        after=after if inbox.place(after) else "",
    )


def around(request: HttpRequest) -> Asked:
    """The list that a ticket was opened from; after a form was sent, the one of the page with the form."""
    before = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    is_ours = before.netloc == request.get_host() and before.path.startswith("/tickets/")
    return asked(QueryDict(before.query) if is_ours and not request.GET else request.GET)
