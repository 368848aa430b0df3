"""Who somebody is elsewhere, and which messages from there were taken."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.states import Channel

INBOUND = [(channel.value, channel.label) for channel in (Channel.SLACK, Channel.CALLBACK)]


class LinkedAccount(models.Model):
    """A person as a chat or a program of one's own knows them. Only administrators link."""

    channel = models.CharField("comes in", max_length=10, choices=INBOUND)
    account = models.CharField(max_length=200, help_text="Slack: team and member, as in T0123ABC/U0456DEF.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="linked_accounts")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("channel", "account"), name="linked_account_is_one_person"),
            models.CheckConstraint(
                condition=Q(channel__in=[value for value, _ in INBOUND]), name="linked_account_known_channel"
            ),
            models.CheckConstraint(condition=~Q(account=""), name="linked_account_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.account} is {self.user}"


class InboundMessage(models.Model):
    """A message that was taken: it is not taken again. Kept for as long as its time could be taken for now."""

    digest = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.digest
