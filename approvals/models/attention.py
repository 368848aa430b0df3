"""Who looks after a ticket at the moment. None of this changes who may decide, or what a decision comes to."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from approvals.models.signatures import Decision
from approvals.states import DecisionType


class ClaimQuerySet(models.QuerySet["Claim"]):
    """Claims lapse by the database's clock; nobody has to take them back."""

    def live(self) -> ClaimQuerySet:
        """Those that still hold: not lapsed, and their holder has not said a word on the current version yet.

        Where the votes are blind a claim only lapses: its end would tell who has decided.
        """
        spoken = Decision.objects.filter(
            ticket=OuterRef("ticket"),
            revision=OuterRef("ticket__revision"),
            withdrawn_at=None,
            reviewer=OuterRef("holder"),
        )
        return self.filter(Q(ticket__policy__blind=True) | ~Exists(spoken), expires_at__gt=Now())


class Claim(models.Model):
    """“I am on it”: one person at a time, for a few minutes."""

    ticket = models.OneToOneField("approvals.Ticket", on_delete=models.CASCADE, related_name="claim")
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()

    objects = ClaimQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.holder} is on {self.ticket_id}"


class Presence(models.Model):
    """Somebody has the ticket open, or had until a minute ago."""

    ticket = models.ForeignKey("approvals.Ticket", on_delete=models.CASCADE, related_name="presences")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()
    deciding_since = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("ticket", "person"), name="presence_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.person} looks at {self.ticket_id}"


class Seen(models.Model):
    """One person has opened the ticket, and has not said since that it shall count as unread."""

    ticket = models.ForeignKey("approvals.Ticket", on_delete=models.CASCADE, related_name="seen")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("person", "ticket"), name="seen_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} was opened by {self.person}"


class Handover(models.Model):
    """One person asked another to look; the latest one stands, those before are in the audit."""

    ticket = models.OneToOneField("approvals.Ticket", on_delete=models.CASCADE, related_name="handover")
    giver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    receiver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    note = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(giver=F("receiver")), name="handover_to_somebody_else"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} from {self.giver} to {self.receiver}"


class SnoozeQuerySet(models.QuerySet["Snooze"]):
    """A snooze ends by the database's clock."""

    def live(self) -> SnoozeQuerySet:
        """Those that are not over."""
        return self.filter(until__gt=Now())


class Snooze(models.Model):
    """One person does not want to see a ticket until then."""

    ticket = models.ForeignKey("approvals.Ticket", on_delete=models.CASCADE, related_name="snoozes")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField()

    objects = SnoozeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("ticket", "person"), name="snooze_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} not before {self.until} for {self.person}"


class Unsent(models.Model):
    """What one person has typed on a ticket and not sent. The database erases it with their decision or the ticket's
    end, whoever writes those (triggers in 0034_unsent)."""

    ticket = models.ForeignKey("approvals.Ticket", on_delete=models.CASCADE, related_name="unsent")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=DecisionType.choices)
    #: Of the version they had before them.
    digest = models.CharField(max_length=64)
    #: The fields of the form, by name.
    posted = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("ticket", "person", "kind"), name="unsent_once_per_kind"),
            models.CheckConstraint(condition=Q(kind__in=DecisionType.values), name="unsent_kind_known"),
        ]

    def __str__(self) -> str:
        return f"what {self.person} has not sent on {self.ticket_id}"
