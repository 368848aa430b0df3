from __future__ import annotations

from django.urls import path

from approvals.views import decisions, inbox, tickets

app_name = "approvals"

urlpatterns = [
    path("", inbox.show, name="inbox"),
    path("inbox/changes/", inbox.changes, name="changes"),
    path("tickets/<int:ticket_id>/", tickets.show, name="ticket"),
    path("tickets/<int:ticket_id>/decisions/", decisions.create, name="decisions"),
]
