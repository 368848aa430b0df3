"""What narrows a list of tickets. All of it stands in the address of the page, so that it can be kept and sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Self
from urllib.parse import urlencode

from django.contrib.auth.models import Group

from approvals.models import TicketQuerySet
from approvals.states import Risk, TicketState

#: Longer than any name; what is typed beyond it says nothing more.
LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Traits:
    """One value for each trait of what is looked for; empty where any will do."""

    @property
    def on(self) -> dict[str, str]:
        """Those that narrow anything."""
        return {name: value for name, value in asdict(self).items() if value}

    def __bool__(self) -> bool:
        return bool(self.on)

    def without(self, name: str) -> Self:
        """The same but for one trait."""
        return replace(self, **{name: ""})

    def query(self, **more: str | None) -> str:
        """These and more as the query of an address; empty ones are left out."""
        found = {**self.on, **more}
        return urlencode({name: value for name, value in found.items() if value})

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Self:
        """Those in the query of an address; what cannot stand in a database is taken out."""
        values = {field.name: asked.get(field.name, "") for field in fields(cls)}
        return cls(**{name: value.replace("\x00", "").strip()[:LONGEST] for name, value in values.items()})


@dataclass(frozen=True, kw_only=True)
class Filters(Traits):
    """The words to look for and the traits of a ticket."""

    q: str = ""
    risk: str = ""
    graph: str = ""
    action: str = ""
    group: str = ""
    requester: str = ""
    state: str = ""

    def narrow(self, tickets: TicketQuerySet) -> TicketQuerySet:
        """The tickets that fit all of them."""
        plain = {"risk": "risk", "graph": "graph", "action": "action", "requester": "requester__username"}
        tickets = tickets.filter(**{plain[name]: value for name, value in self.on.items() if name in plain})
        if self.group:
            found = Group.objects.filter(name=self.group).values_list("pk", flat=True).first()
            tickets = tickets.filter(asked__contains=[found or 0])
        if self.state:
            tickets = tickets.filter(state=self.state)
        return tickets.matching(self.q) if self.q else tickets


def in_words(name: str, value: str) -> str:
    """A value as people read it."""
    known: dict[str, dict[str, str]] = {"risk": dict(Risk.choices), "state": dict(TicketState.choices)}
    return str(known.get(name, {}).get(value, value))
