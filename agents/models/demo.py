"""What the demo tools act on: accounts, transfers and orders."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class DemoAccount(models.Model):
    """An account that `transfer_money` pays into; a double payment would show in the balance."""

    name = models.CharField(max_length=100, unique=True)
    balance = models.DecimalField(max_digits=14, decimal_places=2, default=0)

    def __str__(self) -> str:
        return self.name


class DemoTransfer(models.Model):
    """One payment that `transfer_money` made."""

    account = models.ForeignKey(DemoAccount, on_delete=models.PROTECT, related_name="transfers")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.amount} to {self.account}"


class DemoOrder(models.Model):
    """One order that `create_order` placed."""

    item = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item}"
