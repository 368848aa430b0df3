"""How people who are not looking at a page are told, and what each of them was told of what happened."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals import vault
from approvals.models.locked import LockedField
from approvals.states import NoticeKind, NoticeState


class NoticeChannel(models.Model):
    """One way to reach a group or a person: a service of apprise, or their own e-mail address."""

    name = models.CharField(max_length=80)
    #: An address as apprise writes them. It opens the service, so no page and no log shows it.
    address = LockedField(
        blank=True,
        help_text="As apprise writes it: slack://…, msteams://…, mailto://…. Empty: the e-mail address of the person, "
        "or of each member of the group.",
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="notice_channels"
    )
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="notice_channels")
    kinds = ArrayField(
        models.CharField(max_length=12, choices=NoticeKind.choices), help_text="What it tells of, comma-separated."
    )
    #: Whoever reads along there may read arguments; secrets that are recognised are left out all the same.
    shows_args = models.BooleanField("is safe for arguments", default=False)
    window_seconds = models.PositiveIntegerField(
        "seconds between two messages",
        default=0,
        help_text="What happens in between comes together in the next one. Escalations do not wait.",
    )
    quiet_from = models.TimeField(null=True, blank=True, help_text="Until the end only escalations come.")
    quiet_until = models.TimeField(null=True, blank=True)
    zone = models.CharField("time zone", max_length=60, default="UTC")
    enabled = models.BooleanField(default=True)
    error = models.TextField(blank=True, default="", editable=False)
    failed_at = models.DateTimeField(null=True, blank=True, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(person__isnull=True, group__isnull=False) | Q(person__isnull=False, group__isnull=True),
                name="notice_channel_of_one",
                violation_error_message="A channel belongs to a group or to a person.",
            ),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="notice_channel_quiet_ends",
                violation_error_message="Quiet hours have a beginning and an end.",
            ),
            models.CheckConstraint(
                condition=Q(kinds__contained_by=NoticeKind.values), name="notice_channel_known_kinds"
            ),
            models.CheckConstraint(
                condition=Q(shows_args=False) | Q(group__isnull=False) | ~Q(address=""),
                name="notice_channel_safe_place",
                violation_error_message="A mailbox of somebody's own is no place that is safe for arguments.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown(self) -> str:
        """Which service it is, and nothing that opens it."""
        if not self.is_service:
            return "e-mail"
        try:
            return str(self.address).partition("://")[0]
        except vault.Closed:
            return "its key is missing"

    @property
    def is_service(self) -> bool:
        """Has it an address of its own, that is not a mailbox?"""
        return NoticeChannel._meta.get_field("address").is_set(self)


class Notice(models.Model):
    """That one person, or one channel, is told of one thing that happened: once."""

    #: What happened: the place of its entry in the record, or a deadline that comes near.
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=NoticeKind.choices)
    ticket = models.ForeignKey("approvals.Ticket", null=True, on_delete=models.CASCADE, related_name="notices")
    #: None: by mail, to whoever has to know, asked for or not.
    channel = models.ForeignKey(NoticeChannel, null=True, on_delete=models.CASCADE, related_name="notices")
    #: None: to a place that many read.
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=NoticeState.choices, default=NoticeState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    tried_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("key", "person"), condition=Q(person__isnull=False), name="notice_once_per_person"
            ),
            models.UniqueConstraint(
                fields=("key", "channel"), condition=Q(person__isnull=True), name="notice_once_per_place"
            ),
            models.CheckConstraint(condition=Q(state__in=NoticeState.values), name="notice_known_state"),
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="notice_known_kind"),
            models.CheckConstraint(
                condition=Q(channel__isnull=False) | Q(person__isnull=False), name="notice_goes_somewhere"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[NoticeState.WAITING, NoticeState.DROPPED]) | Q(attempts__gt=0),
                name="notice_claimed_before_it_is_sent",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=("due_at",), condition=Q(state=NoticeState.WAITING), name="notice_due_idx"),
            models.Index(fields=("tried_at",), condition=Q(state=NoticeState.SENDING), name="notice_sending_idx"),
            models.Index(fields=("channel", "person", "-tried_at"), name="notice_target_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of ticket {self.ticket_id}"


class NoticeReach(models.Model):
    """How far the record has been read for what people are to be told: a single row."""

    #: The place in the tree of the next entry to read. Places are given in the order of commits, without a gap.
    place = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"read up to {self.place}"
