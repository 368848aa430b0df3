"""The tree over the record, and the signed heads of it. Written once, like the record."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from approvals.models.record import AuditEntry


class Leaf(models.Model):
    """The place of an entry in the tree: numbers without a gap. Its hash is kept twice, to tell which one changed."""

    number = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT, related_name="leaf", db_constraint=False)
    hash = models.BinaryField()

    def __str__(self) -> str:
        return f"leaf {self.number}"


class Block(models.Model):
    """The root over a full block of leaves: a node of the tree, kept so that nobody adds it up again. Written once."""

    number = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()

    def __str__(self) -> str:
        return f"block {self.number}"


class Seal(models.Model):
    """A signed head over the first `size` entries of the tree."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    at = models.DateTimeField(db_default=Now())
    #: What appending to the tree needs.
    edge = models.BinaryField()
    #: Transactions below this number had ended: whatever they wrote is in the tree.
    horizon = models.BigIntegerField()
    #: The database cluster that counts these transactions. One that was restored from a dump counts anew.
    cluster = models.CharField(max_length=40)

    class Meta:
        ordering = ("size",)

    def __str__(self) -> str:
        return f"seal over {self.size} entries"


class HeadExport(models.Model):
    """How far the heads have been brought to one place outside the database."""

    place = models.CharField(max_length=300, primary_key=True)
    size = models.BigIntegerField(default=0)
    exported_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ("place",)

    def __str__(self) -> str:
        return f"heads at {self.place}"
