from __future__ import annotations

from django.urls import path

from approvals.views import attention, decisions, grants, inbox, policies, tickets

app_name = "approvals"

urlpatterns = [
    path("", inbox.show, name="inbox"),
    path("policies/", policies.show, name="policies"),
    path("inbox/changes/", inbox.changes, name="changes"),
    path("tickets/<int:ticket_id>/", tickets.show, name="ticket"),
    path("tickets/<int:ticket_id>/recall/", decisions.recall, name="recall"),
    path("tickets/<int:ticket_id>/decisions/", decisions.create, name="decisions"),
    path("tickets/<int:ticket_id>/grant/revocation/", grants.revoke, name="revocation"),
    path("tickets/<int:ticket_id>/claim/", attention.claim, name="claim"),
    path("tickets/<int:ticket_id>/claim/release/", attention.release, name="release"),
    path("tickets/<int:ticket_id>/handover/", attention.hand_over, name="handover"),
    path("tickets/<int:ticket_id>/snooze/", attention.snooze, name="snooze"),
    path("tickets/<int:ticket_id>/snooze/end/", attention.wake, name="wake"),
    path("tickets/<int:ticket_id>/extension/", attention.extend, name="extension"),
]
