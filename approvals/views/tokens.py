"""A person's own tokens. Whoever makes one has just shown who they are: a stolen session must not outlive itself."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals import tokens
from approvals.models import Token
from approvals.states import Scope
from approvals.views.tickets import reader


class TokenForm(forms.Form):
    """What a new token is for."""

    name = forms.CharField(label="What is it for?", max_length=80, help_text="A name to recognise it by.")
    scope = forms.ChoiceField(
        label="It may",
        choices=Scope.choices,
        help_text="Every token reads what you may see. One that asks never decides, and the other way round.",
    )
    days = forms.IntegerField(
        label="For how many days?", min_value=1, max_value=tokens.DAYS, initial=30, help_text=f"{tokens.DAYS} at most."
    )


@require_safe
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth brings no types
def show(request: HttpRequest) -> HttpResponse:
    """All of one's tokens, the newest first, and a form for another."""
    return _page(request, TokenForm())


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth brings no types
def create(request: HttpRequest) -> HttpResponse:
    """Make a token and show its secret, this once: it is in no redirect, no message and no session.

    Whoever had to show who they are first comes back here by GET, and is led to the form.
    """
    if request.method != "POST":
        return redirect("approvals:tokens")
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    said = form.cleaned_data
    me = reader(request)
    _, secret = tokens.create(me, scope=Scope(said["scope"]), actor=me, name=said["name"], days=said["days"])
    return _page(request, TokenForm(), secret=secret)


@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """End one of one's own tokens."""
    if not Token.objects.filter(pk=token_id, user=reader(request)).exists():
        raise Http404
    tokens.revoke(token_id, actor=reader(request))
    messages.success(request, "The token is revoked; the next request with it is refused.")
    return redirect("approvals:tokens")


def _page(request: HttpRequest, form: TokenForm, *, secret: str = "", status: int = 200) -> HttpResponse:
    live = Token.objects.live().filter(user=reader(request))
    context = {"page": "tokens", "form": form, "tokens": list(live), "secret": secret}
    return render(request, "approvals/tokens.html", context, status=status)
