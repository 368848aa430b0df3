"""The three practice tickets: pages of their own, so that nothing on them can reach a ticket, a run or the record."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from approvals import differences, display, forms, practice, preferences, salience
from approvals.practice import Lesson
from approvals.states import DecisionType

REVIEW = "review"


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One of them; a POST says a word on it, or shows the difference of an edit first."""
    lesson = practice.find(name)
    if lesson is None:
        raise Http404
    if request.method != "POST":
        return _drawn(request, lesson, form=forms.ArgumentsForm(lesson.args, lesson.schema))
    form = forms.ArgumentsForm(lesson.args, lesson.schema, data=request.POST.dict())
    kind = request.POST.get("type", "")
    if form.is_valid() and request.POST.get("step") == REVIEW:
        return _drawn(request, lesson, form=form, is_review=True)
    missing: dict[str, str] = {}
    if kind != DecisionType.REJECT:  # a no is never wrong
        form.refuse(lesson.wrong(form.args))
        missing = lesson.missing(request.POST.dict())
    problems = {id: f"{label}: {text}" for id, label, text in form.all_errors} | missing
    return _drawn(request, lesson, form=form, problems=problems) if problems else _next(request, lesson, kind)


@require_POST
def skip(request: HttpRequest) -> HttpResponse:
    """No practice, thank you; `/welcome/` has it at any time."""
    response = redirect("approvals:inbox")
    _done(response)
    return response


def _drawn(
    request: HttpRequest,
    lesson: Lesson,
    *,
    form: forms.ArgumentsForm,
    problems: dict[str, str] | None = None,
    is_review: bool = False,
) -> HttpResponse:
    context = {
        "page": "welcome",
        "lesson": lesson,
        "number": practice.LESSONS.index(lesson) + 1,
        "of": len(practice.LESSONS),
        "rows": display.led(display.rows(lesson.args, lesson.schema), salience.names(lesson.args, lesson.schema)),
        "arguments": form,
        "changes": differences.of(lesson.args, form.args, lesson.schema) if is_review else None,
        "problems": problems or {},
        "typed": request.POST.dict(),
    }
    return render(request, "approvals/practice.html", context, status=422 if problems else 200)


def _next(request: HttpRequest, lesson: Lesson, kind: str) -> HttpResponse:
    """The next lesson, or the inbox."""
    said = "Rejected" if kind == DecisionType.REJECT else "Approved"
    following = practice.after(lesson)
    if following:
        messages.success(request, f"{said}, for practice: nothing ran and nothing was written down.")
        return redirect("approvals:practice", following.name)
    messages.success(request, "You are set: that was practice, and nothing ran. Press ? at any time for the keys.")
    response = redirect("approvals:inbox")
    _done(response)
    return response


def _done(response: HttpResponse) -> None:
    preferences.keep(response, {"practice": preferences.Practice.DONE}, secure=settings.SESSION_COOKIE_SECURE)
