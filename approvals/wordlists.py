"""Keeps the words by which a ticket is found. Written with the revision they are from, in its transaction."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db.models import Func, TextField, Value

from approvals import lexemes, masks
from approvals.models import Ticket, Wordlist


def write(ticket: Ticket, args: dict[str, Any]) -> None:
    """The ticket is found by these arguments, by what its agent says and by who asks; by earlier ones no more.

    Never by a secret: who tries words would find it out."""
    who = ticket.requester.get_username() if ticket.requester else ""
    said = (who, *map(masks.text, (ticket.action, ticket.graph, ticket.description, ticket.reasoning)))
    # Short values first: where there are too many words, those of a recipient are worth more than a letter's.
    words = lexemes.of(sorted([*said, *lexemes.texts_in(masks.value(args))], key=len))
    array = Value(words, output_field=ArrayField(TextField()))
    vector = Func(array, function="array_to_tsvector", output_field=SearchVectorField())
    Wordlist.objects.bulk_create(
        [Wordlist(ticket=ticket, words=vector)],
        update_conflicts=True,
        unique_fields=["ticket"],
        update_fields=["words"],
    )
