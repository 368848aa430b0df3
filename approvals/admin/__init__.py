"""The Django admin: policies editable with validation that explains; tickets and the record read-only."""

from approvals.admin import policies
from approvals.admin.record import ReadOnly

__all__ = ["ReadOnly", "policies"]
