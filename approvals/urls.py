from __future__ import annotations

from django.urls import path

from approvals.views import (
    attention,
    audit,
    bulk,
    decisions,
    edits,
    grants,
    guide,
    inbox,
    insights,
    panels,
    policies,
    presence,
    tickets,
    tokens,
)

app_name = "approvals"

urlpatterns = [
    path("", inbox.show, name="inbox"),
    path("policies/", policies.show, name="policies"),
    path("audit/", audit.show, name="audit"),
    path("audit/<int:entry_id>/", audit.entry, name="audit-entry"),
    path("audit/record.jsonl", audit.download, {"format": "jsonl"}, name="audit-jsonl"),
    path("audit/record.csv", audit.download, {"format": "csv"}, name="audit-csv"),
    path("insights/", insights.show, name="insights"),
    path("decided/", inbox.decided, name="decided"),
    path("welcome/", guide.welcome, name="welcome"),
    path("settings/", guide.personal, name="settings"),
    path("help/keys/", guide.keys, name="keys"),
    path("manifest.webmanifest", guide.manifest, name="manifest"),
    path("bulk/", bulk.show, name="bulk"),
    path("bulk/<uuid:batch_id>/", bulk.result, name="batch"),
    path("bulk/<uuid:batch_id>/recall/", bulk.recall, name="batch-recall"),
    path("inbox/changes/", inbox.changes, name="changes"),
    path("inbox/tabs/", inbox.tabs, name="tabs"),
    path("tickets/<int:ticket_id>/", tickets.show, name="ticket"),
    path("tickets/<int:ticket_id>/approve/", panels.show, name="approve"),
    path("tickets/<int:ticket_id>/edit/", edits.edit, name="edit"),
    path("tickets/<int:ticket_id>/presence/", presence.note, name="presence"),
    path("tickets/<int:ticket_id>/recall/", decisions.recall, name="recall"),
    path("tickets/<int:ticket_id>/decisions/", decisions.create, name="decisions"),
    path("tickets/<int:ticket_id>/grant/revocation/", grants.revoke, name="revocation"),
    path("tickets/<int:ticket_id>/claim/", attention.claim, name="claim"),
    path("tickets/<int:ticket_id>/claim/release/", attention.release, name="release"),
    path("tickets/<int:ticket_id>/handover/", attention.hand_over, name="handover"),
    path("tickets/<int:ticket_id>/snooze/", attention.snooze, name="snooze"),
    path("tickets/<int:ticket_id>/snooze/end/", attention.wake, name="wake"),
    path("tickets/<int:ticket_id>/extension/", attention.extend, name="extension"),
    path("settings/tokens/", tokens.show, name="tokens"),
    path("settings/tokens/new/", tokens.create, name="create_token"),
    path("settings/tokens/<int:token_id>/revocation/", tokens.revoke, name="revoke_token"),
]
