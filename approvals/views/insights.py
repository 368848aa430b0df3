"""How people decide, for those who may see every ticket: figures, findings and drawings over some days."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals import charts, figures
from approvals.figures import Line

PERIODS = (7, 30, 90)
USUAL = 30
#: So many actions are drawn; the table beside the drawing holds more.
DRAWN = 12
#: The parts of a bar, and what they are called.
PARTS = {
    "approved": "approved as proposed",
    "edited": "edited",
    "rejected": "rejected",
    "answered": "answered",
    "expired": "expired",
    "unasked": "not asked",
    "withdrawn": "withdrawn",
}


@require_safe
@permission_required("approvals.view_ticket", raise_exception=True)
def show(request: HttpRequest) -> HttpResponse:
    """The last 7, 30 or 90 days, today among them, of all actions or of one."""
    asked = request.GET.get("days", "")
    action = request.GET.get("action", "")[:200].replace("\x00", "")
    report = figures.over(int(asked) if asked in map(str, PERIODS) else USUAL, action=action)
    drawn, load = report.lines[:DRAWN], report.reviewers[:DRAWN]
    names = [name for name, _ in load]
    context: dict[str, Any] = {
        "page": "insights",
        "report": report,
        "action": action,
        "periods": PERIODS,
        "parts": PARTS.items(),
        "endings": list(zip(drawn, charts.stacked([_parts(line) for line in drawn]), strict=True)),
        "hours": charts.columns(report.hours),
        "load": list(zip(names, charts.stacked([[("approved", count)] for _, count in load]), strict=True)),
        "enough": figures.ENOUGH,
    }
    return render(request, "approvals/insights.html", context)


def _parts(line: Line) -> list[tuple[str, int]]:
    return [(part, getattr(line, part)) for part in PARTS]
