"""The edit form, step by step: another row, back to what it was, and the difference before anything is sent."""

from __future__ import annotations

from contextlib import suppress

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from approvals import display, edit_steps, edits, forms, policy, schemas, sign_off, unsent
from approvals.errors import ApprovalError, DecisionNotAllowed, InvalidArguments, StaleDigest, TicketClosed, TooLarge
from approvals.models import Ticket
from approvals.states import DecisionType
from approvals.views import friction as asked
from approvals.views import refusals, tickets

REVIEW = "review"


@require_http_methods(["GET", "HEAD", "POST"])
@refusals.explained
def edit(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """The form; a POST draws it anew after a step, or shows the difference. Nothing is changed here."""
    ticket = tickets.find(request, ticket_id)
    if request.method != "POST" and not ticket.is_open:
        return redirect(ticket)
    _check(request, ticket)
    if request.method != "POST":
        begun = unsent.of(ticket, tickets.reader(request))
        form = unsent.arguments(ticket, begun) or forms.ArgumentsForm(ticket.args, ticket.args_schema)
        return _drawn(request, ticket, form=form, words=unsent.words(begun).get(DecisionType.EDIT, ""))
    step = request.POST.get("step", REVIEW)
    data, name = edit_steps.taken(step, request.POST.dict())
    form = forms.edited(ticket, data)
    _keep(request, ticket, data)
    form.focus(name)
    return _reviewed(request, ticket, form) if step == REVIEW else _drawn(request, ticket, form=form)


def _keep(request: HttpRequest, ticket: Ticket, data: dict[str, str]) -> None:
    """As it is typed now, also where no script says so."""
    digest = data.get("digest", "")
    with suppress(StaleDigest, TooLarge, InvalidArguments):
        unsent.keep(ticket.pk, person=tickets.reader(request), kind=DecisionType.EDIT.value, digest=digest, posted=data)


def _check(request: HttpRequest, ticket: Ticket) -> None:
    """Raises an ApprovalError where this reader could not send an edit anyway."""
    reader = tickets.reader(request)
    if not ticket.is_open:
        raise TicketClosed(state=ticket.state)
    policy.may_still_decide(reader, ticket)
    sign_off.check_turn(ticket, reader)
    if DecisionType.EDIT not in ticket.allowed_decisions:
        raise DecisionNotAllowed(type=DecisionType.EDIT.value)
    if why := schemas.put_aside(ticket.args_schema):
        raise DecisionNotAllowed(f"The arguments cannot be changed here: {why}")


def _reviewed(request: HttpRequest, ticket: Ticket, form: forms.ArgumentsForm) -> HttpResponse:
    """The difference, or what is wrong beside its field."""
    if not form.is_valid():
        return _drawn(request, ticket, form=form, refusal=InvalidArguments([]))
    try:
        found = edits.review(ticket, form.args, editor=tickets.reader(request))
    except ApprovalError as refusal:
        form.refuse(getattr(refusal, "errors", [{"path": "", "message": str(refusal)}]))
        return _drawn(request, ticket, form=form, refusal=refusal)
    return _drawn(request, ticket, form=form, review=found)


def _drawn(
    request: HttpRequest,
    ticket: Ticket,
    *,
    form: forms.ArgumentsForm,
    review: edits.Review | None = None,
    refusal: ApprovalError | None = None,
    words: str = "",
) -> HttpResponse:
    """The form alone for htmx, else the whole page with it open."""
    typed = {"type": DecisionType.EDIT.value, "message": request.POST.get("message", words)}
    if not request.htmx:  # type: ignore[attr-defined]
        return tickets.page(request, ticket, refusal=refusal, arguments=form, review=review, typed=typed)
    blind = policy.is_blind_for(tickets.reader(request), ticket)
    context = {
        "ticket": ticket,
        "blind": blind,
        "arguments": form,
        "review": review,
        "refusal": refusal,
        "typed": typed,
        "written": tickets.written({}, typed),
        "signatures": display.signatures(ticket, blind=blind),
        **asked.of_review(request, ticket, review, refusal=refusal),
    }
    response = render(request, "approvals/_edit_form.html", context, status=refusal.status if refusal else 200)
    response.headers["HX-Retarget"] = "#edit"
    return response
