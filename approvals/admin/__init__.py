"""The Django admin: policies editable with validation that explains; tickets and the record read-only."""

from approvals.admin import cards, freezes, inbound, notices, policies, tokens, webhooks
from approvals.admin.record import Hiding, Names, ReadOnly

__all__ = ["Hiding", "Names", "ReadOnly", "cards", "freezes", "inbound", "notices", "policies", "tokens", "webhooks"]
