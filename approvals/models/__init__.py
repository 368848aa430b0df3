"""The rows that hold the promise: fields, constraints, named queries.

What the code promises, these tables also refuse: known states, a resolved ticket has an outcome and a
time, one decision per reviewer and revision, one ticket per proposed action of an interrupt, an audit
entry never changes (triggers in 0002_guards).
"""

from approvals.models.attention import Claim, Handover, Presence, Seen, Snooze, Unsent
from approvals.models.batches import Batch
from approvals.models.cards import ActionCard
from approvals.models.freezes import Cluster, Freeze
from approvals.models.grants import Grant
from approvals.models.inbound import InboundMessage, LinkedAccount
from approvals.models.notices import Notice, NoticeChannel, NoticeReach
from approvals.models.policies import EscalationStep, Policy, PolicyVersion, Requirement
from approvals.models.record import AuditEntry, ChainHead, Payload
from approvals.models.rosters import RosterChange
from approvals.models.seals import Block, HeadExport, Leaf, Seal
from approvals.models.signatures import Decision, Revision, TicketRequirement
from approvals.models.tallies import TalliedDay, Tally
from approvals.models.ticket_lists import Circle, TicketQuerySet, circles, circles_of_others, fetch_signing
from approvals.models.tickets import EDITOR_BARRED, Opening, Ticket
from approvals.models.tokens import KeyedRequest, RemoteRequest, Token, TokenUse
from approvals.models.urgency import RISK_ORDER, URGENCY, nearest_deadline
from approvals.models.webhooks import Delivery, Webhook
from approvals.models.wordlists import Wordlist

__all__ = [
    "EDITOR_BARRED",
    "RISK_ORDER",
    "URGENCY",
    "ActionCard",
    "AuditEntry",
    "Batch",
    "Block",
    "ChainHead",
    "Circle",
    "Claim",
    "Cluster",
    "Decision",
    "Delivery",
    "EscalationStep",
    "Freeze",
    "Grant",
    "Handover",
    "HeadExport",
    "InboundMessage",
    "KeyedRequest",
    "Leaf",
    "LinkedAccount",
    "Notice",
    "NoticeChannel",
    "NoticeReach",
    "Opening",
    "Payload",
    "Policy",
    "PolicyVersion",
    "Presence",
    "RemoteRequest",
    "Requirement",
    "Revision",
    "RosterChange",
    "Seal",
    "Seen",
    "Snooze",
    "TalliedDay",
    "Tally",
    "Ticket",
    "TicketQuerySet",
    "TicketRequirement",
    "Token",
    "TokenUse",
    "Unsent",
    "Webhook",
    "Wordlist",
    "circles",
    "circles_of_others",
    "fetch_signing",
    "nearest_deadline",
]
