"""Approving in a browser as people do: the page is looked at, the values are checked, a reason is written."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client


def looked_at(client: Client, ticket: Any, *, reason: str = "I compared it with the invoice.") -> dict[str, str]:
    """What the page of an approval adds to its form."""
    page = client.get(f"/tickets/{ticket.pk}/approve/").content.decode()
    note = re.search(r'name="seen" value="([^"]+)"', page)
    return {"seen": note[1], "checked": "on", "message": reason} if note else {}
