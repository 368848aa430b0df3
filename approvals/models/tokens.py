"""Tokens: how a program speaks for a person over the API."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from approvals.states import Scope


class TokenQuerySet(models.QuerySet["Token"]):
    """Every query has a name."""

    def live(self) -> TokenQuerySet:
        """Those that still open something, by the database's clock."""
        return self.filter(revoked_at=None, expires_at__gt=Now(), user__is_active=True)


class Token(models.Model):
    """One secret, of which only a hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    #: What its owner calls it.
    name = models.CharField(max_length=80, blank=True)
    #: How the secret begins: enough to recognise it by, and to nobody's use.
    prefix = models.CharField(max_length=12)
    #: SHA-256 of the secret. It is 256 random bits, so nothing slower is needed.
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=10, choices=Scope.choices)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    #: To the minute.
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="token_known_scope"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="token_expires_after_it_is_made"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"


class TokenUse(models.Model):
    """How often a token was used in the minute under way. Unlogged: a crash forgets it, and no request waits for a
    disk."""

    token = models.OneToOneField(Token, on_delete=models.CASCADE, primary_key=True, related_name="use")
    minute = models.DateTimeField()
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.count} in {self.minute:%H:%M}"


class RemoteRequest(models.Model):
    """A ticket that an agent opened over the API: under which key, and who of it has set about the action."""

    ticket = models.OneToOneField("approvals.Ticket", on_delete=models.CASCADE, primary_key=True, related_name="remote")
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    #: The Idempotency-Key it came with; empty: without one.
    key = models.CharField(max_length=255, blank=True)
    #: Of the request's body: the key may not come back with another.
    digest = models.CharField(max_length=64)
    #: The name that whoever took the answer gave itself; empty: nobody has.
    claim = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("requester", "key"), condition=~Q(key=""), name="remote_request_once_per_key"
            ),
        ]

    def __str__(self) -> str:
        return self.key or f"ticket {self.ticket_id}"


class KeyedRequest(models.Model):
    """A decision or a recall that came with an Idempotency-Key and was carried out: it is not carried out again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    ticket = models.ForeignKey("approvals.Ticket", on_delete=models.CASCADE, related_name="keyed_requests")
    #: Of the request: the key may not come back with another.
    digest = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("user", "key"), name="keyed_request_once_per_key"),
            models.CheckConstraint(condition=~Q(key=""), name="keyed_request_has_a_key"),
        ]

    def __str__(self) -> str:
        return self.key
