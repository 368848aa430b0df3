"""How a person likes the pages on this device: kept in cookies, so that the first byte of a page knows it."""

from __future__ import annotations

from typing import Any

from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponse

YEAR = 365 * 24 * 60 * 60


class Theme(TextChoices):
    """Light or dark."""

    SYSTEM = "", "As the device says"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Keys(TextChoices):
    """What a single letter does; WCAG 2.1.4 wants it to be switched off or put behind another key."""

    ON = "", "A single letter is enough"
    ALT = "alt", "Only together with Alt"
    OFF = "off", "Letters do nothing"


class Practice(TextChoices):
    """Are the practice tickets still offered in the inbox?"""

    OFFERED = "", "Offered"
    DONE = "done", "Done or skipped"


#: Each preference by its name in a form; its cookie is called after it.
KNOWN: dict[str, type[TextChoices]] = {"theme": Theme, "keys": Keys, "practice": Practice}


def of(request: HttpRequest) -> dict[str, str]:
    """What is preferred here; a value that nobody offered counts as none."""
    asked = {name: request.COOKIES.get(_cookie(name), "") for name in KNOWN}
    return {name: value if value in KNOWN[name].values else "" for name, value in asked.items()}


def keep(response: HttpResponse, chosen: dict[str, str], *, secure: bool) -> None:
    """Remember what was chosen, for a year; a value that nobody offered changes nothing."""
    for name, value in chosen.items():
        if name in KNOWN and value in KNOWN[name].values:
            response.set_cookie(_cookie(name), value, max_age=YEAR, secure=secure, httponly=True, samesite="Lax")


def in_templates(request: HttpRequest) -> dict[str, Any]:
    """For every page: see `base.html`."""
    return {"preferences": of(request)}


def _cookie(name: str) -> str:
    return f"countersign_{name}"
