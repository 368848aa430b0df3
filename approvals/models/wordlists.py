"""What a search looks through: a side table, so that a ticket's changes of state leave its index alone."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models


class Wordlist(models.Model):
    """The words of a ticket's current arguments and of what was said with them; see `lexemes`."""

    ticket = models.OneToOneField("approvals.Ticket", on_delete=models.CASCADE, primary_key=True)
    words = SearchVectorField()

    class Meta:
        indexes: ClassVar = [GinIndex(fields=("words",), name="wordlist_words_idx")]

    def __str__(self) -> str:
        return f"words of {self.ticket_id}"
