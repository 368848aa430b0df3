"""One style sheet for all pages, made of files of `static/css/`: a page asks for it once, not for each of them.

What only pages need that are opened seldom, they ask for themselves, after it. What is there for people who read the
files, comments and indentation, stays behind. Its address names what is in it, so a browser that has it never asks
again, and asks at once when a new version says something else.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

FOLDER = settings.BASE_DIR / "static" / "css"
#: The first names the layers, in their order. Where two others say the same with the same weight, the later one wins.
ORDER = (
    *("_global", "layout", "badge", "button", "form", "lists", "inbox", "bulk", "ticket", "arguments", "signatures"),
    *("decision", "attention", "talk", "steps", "live", "beside", "entrance", "guide"),
)
FOR_EVER = "public, max-age=31536000, immutable"
#: Text in quotes stays as it is; of what else there is, a comment, or space that separates nothing, says nothing.
_WORD = re.compile(r"""("[^"]*"|'[^']*')|/\*.*?\*/|\s*([{};,])\s*|(:)\s+|(\s+)""", re.DOTALL)


@login_not_required
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The sheet. Kept for ever under the address that names what is in it, else asked for anew each time."""
    body = joined()
    response = HttpResponse(body, content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = FOR_EVER if request.GET.get("v") == _name(body) else "no-cache"
    return response


def address() -> str:
    """Where the sheet of this moment is."""
    return f"{reverse('stylesheet')}?v={_name(joined())}"


def joined() -> str:
    """All of it; read once, and again for each page while somebody works on it."""
    return _read() if settings.DEBUG else _kept()


@cache
def _kept() -> str:
    return _read()


def _read() -> str:
    return squeezed("\n".join((FOLDER / f"{name}.css").read_text() for name in ORDER))


def squeezed(css: str) -> str:
    """The same rules without comments and indentation."""
    return _WORD.sub(lambda found: found[1] or found[2] or found[3] or (" " if found[4] else ""), css).strip()


def _name(body: str) -> str:
    return sha256(body.encode()).hexdigest()[:12]
