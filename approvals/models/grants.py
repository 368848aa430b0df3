"""What somebody allowed to run again without asking."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from approvals.states import TicketState


class GrantQuerySet(models.QuerySet["Grant"]):
    """Grants end by the database's clock."""

    def live(self) -> GrantQuerySet:
        """Neither over nor taken back, and the approval they came with has been let go and stands as it was given."""
        stands = Q(
            ticket__state=TicketState.APPROVED, ticket__resolved_at=F("granted_at"), ticket__release_at__lte=Now()
        )
        return self.filter(stands, expires_at__gt=Now(), revoked_at=None)


class Grant(models.Model):
    """Exactly these arguments may run again for a while: same graph, action, requester and policy."""

    #: The ticket whose last signature gave it.
    ticket = models.ForeignKey("approvals.Ticket", on_delete=models.PROTECT, related_name="grants")
    graph = models.CharField(max_length=200)
    action = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    requester = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    policy_name = models.CharField(max_length=80)
    policy_version = models.PositiveIntegerField()
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("granted_at")), name="grant_lasts"),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by=None) | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="grant_revoked_by_somebody",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=("digest", "requester"), condition=Q(revoked_at=None), name="grant_digest_idx")
        ]

    def __str__(self) -> str:
        return f"{self.action} for {self.requester}, by {self.granted_by}"
