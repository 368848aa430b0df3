"""The approvals app."""

from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """The promise: policy, quorum, audit; it knows no agent framework."""

    name = "approvals"
    default_auto_field = "django.db.models.BigAutoField"
