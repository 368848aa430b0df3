"""The rows that hold the promise: fields, constraints, named queries.

What the code promises, these tables also refuse: known states, a resolved ticket has an outcome and a
time, one decision per reviewer and revision, one ticket per proposed action of an interrupt, an audit
entry never changes (triggers in 0002_guards).
"""

from approvals.models.attention import Claim, Handover, Snooze
from approvals.models.grants import Grant
from approvals.models.policies import EscalationStep, Policy, PolicyVersion, Requirement
from approvals.models.record import AuditEntry, ChainHead
from approvals.models.rosters import RosterChange
from approvals.models.signatures import Decision, Revision, TicketRequirement
from approvals.models.tickets import EDITOR_BARRED, RISK_ORDER, Ticket, TicketQuerySet

__all__ = [
    "EDITOR_BARRED",
    "RISK_ORDER",
    "AuditEntry",
    "ChainHead",
    "Claim",
    "Decision",
    "EscalationStep",
    "Grant",
    "Handover",
    "Policy",
    "PolicyVersion",
    "Requirement",
    "Revision",
    "RosterChange",
    "Snooze",
    "Ticket",
    "TicketQuerySet",
    "TicketRequirement",
]
