"""The record, for those who may read all of it: entry by entry, one ticket's life, and as a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals import entries, entry_words
from approvals.audit import export, status, verify_stream
from approvals.entries import Line, Wanted
from approvals.inbox import LARGEST
from approvals.models import Ticket
from approvals.views import streams
from approvals.views.tickets import reader

auditors_only = permission_required("approvals.view_auditentry", raise_exception=True)

KINDS = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S")


class FilterForm(forms.Form):
    """What entries are narrowed by; all of it may be left out."""

    person = forms.CharField(required=False, label="Person", max_length=150)
    ticket = forms.IntegerField(
        required=False, label="Ticket", min_value=1, max_value=LARGEST, widget=forms.TextInput({"inputmode": "numeric"})
    )
    action = forms.CharField(
        required=False, label="Action", max_length=200, widget=forms.TextInput({"list": "actions"})
    )
    kind = forms.CharField(required=False, label="Kind of entry", widget=forms.Select())
    since = forms.DateTimeField(required=False, label="From (UTC)", widget=_MOMENT)
    until = forms.DateTimeField(required=False, label="Before (UTC)", widget=_MOMENT)


@require_safe
@auditors_only
def show(request: HttpRequest) -> HttpResponse:
    """One page of entries, fifty at a time; `?after=` goes on from the page before."""
    wanted, after = Wanted.of(request.GET), request.GET.get("after", "")
    form = FilterForm(wanted.on)
    form.fields["kind"].widget = forms.Select(choices=_kinds())
    context: dict[str, Any] = {
        "page": "audit",
        "form": form,
        "filters": wanted,
        "actions": entries.actions(),
        "after": after,
        "status": status.now(),
        "most": status.MOST,
    }
    if not form.is_valid():
        return render(request, "approvals/audit.html", context, status=422)
    ticket, times = form.cleaned_data["ticket"], {name: form.cleaned_data[name] for name in ("since", "until")}
    context["blind"] = entries.blind(reader(request), ticket=ticket).count()
    context["listing"] = entries.page(reader(request), wanted, ticket=ticket, after=after, **times)
    return render(request, "approvals/audit.html", context | (_life(request, ticket) if ticket else {}))


@require_safe
@auditors_only
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One entry: all it says, its place in its chain and in the tree, and the seal over it."""
    found = entries.one(reader(request), entry_id) if entry_id <= LARGEST else None
    if found is None:
        raise Http404
    return render(request, "approvals/audit_entry.html", {"page": "audit", "line": found, **_bytes(found)})


@require_safe
@auditors_only
def download(request: HttpRequest, format: str) -> HttpResponseBase:
    """What `export_audit` writes: all of it, or with `?ticket=` what is of one ticket, with proofs of its places."""
    form = FilterForm({"ticket": request.GET.get("ticket", "")})
    if not form.is_valid():
        raise Http404
    ticket = form.cleaned_data["ticket"]
    if entries.blind(reader(request), ticket=ticket).exists():
        raise PermissionDenied
    stream = f"ticket/{ticket}" if ticket else ""
    if stream and not export.exists(stream):
        raise Http404
    name = f"audit-ticket-{ticket}.{format}" if ticket else f"audit.{format}"
    return streams.file_of(request, export.lines_of(format, stream=stream), name=name, kind=KINDS[format])


def _bytes(line: Line) -> dict[str, str]:
    """What is hashed and what lies beside it, as text; nothing of either where it is hidden."""
    if line.is_hidden:
        return {}
    entry = line.entry
    payload = bytes(entry.payload.body) if hasattr(entry, "payload") else b""
    told = {"body": bytes(entry.body), "payload": payload}
    hashes = {"hash": bytes(entry.hash).hex(), "prev": bytes(entry.prev).hex()}
    return {**{name: text.decode(errors="replace") for name, text in told.items()}, **hashes}


def _life(request: HttpRequest, ticket_id: int) -> dict[str, Any]:
    """Where one ticket is asked for: the ticket, if its own page may be seen, and whether its chain holds."""
    ticket = Ticket.objects.visible_to(reader(request)).filter(pk=ticket_id).first()
    return {"ticket_id": ticket_id, "ticket": ticket, "broken": verify_stream(f"ticket/{ticket_id}")}


def _kinds() -> list[tuple[str, str]]:
    return [("", "Any"), *((kind, entry_words.kind(kind)) for kind in entries.kinds())]
