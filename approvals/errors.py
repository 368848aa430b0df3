"""Everything the promise can refuse.

ApprovalError
├── TicketNotFound        404  not_found
├── TicketClosed          409  ticket_closed
├── StaleDigest           409  stale_digest
├── AlreadyDecided        409  already_decided
├── TooLate               409  too_late
├── ClaimHeld             409  claim_held
├── NoMoreTime            409  no_more_time
├── NotYourTurn           409  not_your_turn
├── ForbiddenMove         409  forbidden_move
├── NotAnApprover         403  not_an_approver
├── OwnRequest            403  own_request
├── DecisionNotAllowed    422  decision_not_allowed
├── InvalidArguments      422  invalid_args
├── CannotErase           409  cannot_erase
├── CannotHandOver        422  cannot_hand_over
├── CannotSnooze          422  cannot_snooze
├── ConfirmationRequired  422  confirmation_required
├── CareMissing           428  friction_required
├── SignInAgain           428  reauthentication_required
├── BulkRefused           422  bulk_refused
├── TooLarge              413  too_large
├── InvalidPolicy         422  invalid_policy
├── InvalidSignature      401  invalid_signature
├── UnknownAccount        403  unknown_account
├── OnlyOnThePage         403  only_on_the_page
├── Replayed              409  replayed
├── MalformedMessage      400  malformed
├── InvalidToken          401  invalid_token
├── ScopeMissing          403  insufficient_scope
├── RateLimited           429  rate_limited
├── KeyReused             422  key_reused
├── NotRemote             409  not_remote
├── Frozen                503  frozen
├── NotFrozen             409  not_frozen
├── NotReleased           409  not_released
├── AlreadyClaimed        409  already_claimed
├── AlreadyReported       409  already_reported
└── InvalidLifetime       422  invalid_lifetime
"""

from __future__ import annotations

from typing import Any, ClassVar

from approvals import wording


class ApprovalError(Exception):
    """Countersign refused this."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409

    def __init__(self, message: str | None = None, **facts: Any) -> None:
        """The docstring of the class is the sentence unless a better one is given."""
        self.facts = facts
        super().__init__(message or (self.__doc__ or "").split("\n")[0].format(**facts))


class TicketNotFound(ApprovalError):
    """There is no such ticket among those you may see."""

    code, status = "not_found", 404


class TicketClosed(ApprovalError):
    """This ticket is already {state}; nothing was changed."""

    code, status = "ticket_closed", 409


class StaleDigest(ApprovalError):
    """The arguments have changed since you opened this ticket; look at the new version first."""

    code, status = "stale_digest", 409


class AlreadyDecided(ApprovalError):
    """You have already decided on this version."""

    code, status = "already_decided", 409


class TooLate(ApprovalError):
    """It is too late for that."""

    code, status = "too_late", 409


class ClaimHeld(ApprovalError):
    """{holder} is on it at the moment; say in a note why you take it over."""

    code, status = "claim_held", 409


class NoMoreTime(ApprovalError):
    """The policy lets nobody move this deadline."""

    code, status = "no_more_time", 409


class NotYourTurn(ApprovalError):
    """Waiting for {first} first; your turn comes after. You may reject it now."""

    code, status = "not_your_turn", 409


class ForbiddenMove(ApprovalError):
    """A ticket cannot go from {before} to {after}."""

    code, status = "forbidden_move", 409


class NotAnApprover(ApprovalError):
    """You are not in a group that may decide on this ticket."""

    code, status = "not_an_approver", 403


class OwnRequest(ApprovalError):
    """You asked for this; someone else must approve."""

    code, status = "own_request", 403


class DecisionNotAllowed(ApprovalError):
    """This ticket does not allow the decision “{type}”."""

    code, status = "decision_not_allowed", 422


class InvalidArguments(ApprovalError):
    """The arguments are not valid."""

    code, status = "invalid_args", 422

    def __init__(self, errors: list[dict[str, str]]) -> None:
        """`errors` is a list of {"path": JSON pointer, "message": sentence}."""
        self.errors = errors
        first = errors[0] if errors else {"path": "", "message": "they are not valid"}
        where = f"{wording.visible(first['path'])}: " if first["path"] else ""
        super().__init__(f"The arguments are not valid: {where}{first['message']}", errors=errors)


class CannotErase(ApprovalError):
    """Ticket {ticket} cannot be erased yet: {why}."""

    code, status = "cannot_erase", 409


class CannotHandOver(ApprovalError):
    """{person} cannot decide on this ticket, or has done so already; choose somebody else."""

    code, status = "cannot_hand_over", 422


class CannotSnooze(ApprovalError):
    """Choose a time between now and the deadline."""

    code, status = "cannot_snooze", 422


class ConfirmationRequired(ApprovalError):
    """Type “{confirm_text}” to confirm."""

    code, status = "confirmation_required", 422


class CareMissing(ApprovalError):
    """An approval at this risk takes more than a click."""

    code, status = "friction_required", 428


class SignInAgain(ApprovalError):
    """Confirm that it is you before you approve this: you signed in a while ago."""

    code, status = "reauthentication_required", 428


class BulkRefused(ApprovalError):
    """These cannot be approved together; the table says which are in the way and why."""

    code, status = "bulk_refused", 422


class TooLarge(ApprovalError):
    """The arguments are too large: {limit}."""

    code, status = "too_large", 413


class InvalidPolicy(ApprovalError):
    """The policy is not valid."""

    code, status = "invalid_policy", 422


class InvalidSignature(ApprovalError):
    """This message is not signed with the secret that is set here, or not within the last five minutes."""

    code, status = "invalid_signature", 401


class UnknownAccount(ApprovalError):
    """Nobody here is linked with this account; an administrator can do that."""

    code, status = "unknown_account", 403


class OnlyOnThePage(ApprovalError):
    """This is decided on its page in Countersign alone: so much can go wrong that all of it must be seen."""

    code, status = "only_on_the_page", 403


class Replayed(ApprovalError):
    """This message was taken before; nothing was changed."""

    code, status = "replayed", 409


class MalformedMessage(ApprovalError):
    """This message cannot be read; nothing was changed."""

    code, status = "malformed", 400


class InvalidToken(ApprovalError):
    """Send a token that is valid, as “Authorization: Bearer cs_…”."""

    code, status = "invalid_token", 401


class ScopeMissing(ApprovalError):
    """This token may not do that: it takes one with the scope “{scope}”."""

    code, status = "insufficient_scope", 403


class RateLimited(ApprovalError):
    """Too many requests: at most {limit}. Try again in {retry_after} seconds."""

    code, status = "rate_limited", 429


class KeyReused(ApprovalError):
    """This Idempotency-Key came with another request before; take a new one."""

    code, status = "key_reused", 422


class NotRemote(ApprovalError):
    """This ticket was not opened over the API: a worker runs its action and says what became of it."""

    code, status = "not_remote", 409


class NotReleased(ApprovalError):
    """Nothing may run on this ticket now: {why}."""

    code, status = "not_released", 409


class AlreadyClaimed(ApprovalError):
    """Somebody has set about this action already; it must not run a second time."""

    code, status = "already_claimed", 409


class AlreadyReported(ApprovalError):
    """What became of this action is written down already: {execution}."""

    code, status = "already_reported", 409


class InvalidLifetime(ApprovalError):
    """A token lives for 1 to {most} days."""

    code, status = "invalid_lifetime", 422


class Frozen(ApprovalError):
    """Everything is stopped until an operator clears it: {reason}"""

    code, status = "frozen", 503
    #: With which the database refuses it, whoever asks.
    sqlstate: ClassVar[str] = "FROZE"


class NotFrozen(ApprovalError):
    """Nothing is frozen."""

    code, status = "not_frozen", 409
