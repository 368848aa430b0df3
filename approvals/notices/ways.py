"""How a message leaves: by the mail that is set up here, or over a service of apprise."""

from __future__ import annotations

import logging
import re
import smtplib
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from approvals import redaction

logger = logging.getLogger(__name__)

SECONDS = 10
#: With these a mail server has taken nothing.
REFUSED = (
    smtplib.SMTPNotSupportedError,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPResponseException,
)
#: Services at a fixed place of their maker's. Anybody may name one of theirs; whatever names a host of its own could
#: reach into the network of this server, and is for administrators.
PUBLIC = frozenset(
    {"discord", "dingtalk", "feishu", "lark", "pbul", "pover", "slack", "tgram", "webex", "wecombot", "wxteams"}
)
#: What would act on this machine itself.
LOCAL = frozenset({"dbus", "glib", "gnome", "growl", "kde", "macosx", "qt", "syslog", "windows"})
#: Levels of apprise's log that say no more than an operator may read; below them stand addresses and payloads.
SHOWN = frozenset({"WARNING", "ERROR", "CRITICAL"})
#: What apprise logs of each recipient that failed, and of each that did not.
FAILED, SENT = re.compile(r"error=|Socket Exception"), re.compile(r"Sent ")
#: What apprise logs where nothing was taken: an answer with a status, but a gateway's that it heard none, or that there
#: was no connection to begin with.
NOT_TAKEN = re.compile(
    r"error=(?!502|504)[1-5]\d\d\b|Failed to establish a new connection|NameResolutionError|ConnectTimeoutError"
)


class NotTaken(Exception):
    """Nothing was sent; the sentence says why."""


class InDoubt(Exception):
    """It may have been sent; the sentence says what happened."""


def by_mail(address: str, *, subject: str, text: str) -> None:
    """One mail. Raises NotTaken, or InDoubt where the server may have taken it."""
    connection = get_connection(timeout=SECONDS)
    try:
        connection.open()
    except OSError as error:
        raise NotTaken(_why(error)) from error
    try:
        connection.send_messages([EmailMessage(subject, text, to=[address])])
    except REFUSED as error:
        raise NotTaken(_why(error)) from error
    except OSError as error:  # the connection ended somewhere in between
        raise InDoubt(_why(error)) from error
    finally:
        connection.close()


def over_service(address: str, *, subject: str, text: str) -> None:
    """One message over a service of apprise. Raises NotTaken where it said no or was not reached, else InDoubt.

    apprise only says that it did not work, so what it logs has to tell a refusal from an answer that was lost.
    """
    from apprise import Apprise, NotifyFormat  # heavy, and only who sends needs it

    service = Apprise()
    if not service.add(address):
        raise NotTaken("apprise does not understand this address")
    result = service.notify(
        body=text, title=subject, body_format=NotifyFormat.TEXT, timeout=SECONDS, log_level=logging.DEBUG
    )
    if result.timeout_count:
        raise InDoubt(f"it did not answer within {SECONDS} seconds")
    if not result:
        lines = list(result.logs())
        said = "; ".join(line.message for line in lines if line.level in SHOWN)
        raise _refusal([line.message for line in lines])(_without_secrets(said) or "it refused the message")


def _refusal(logged: Sequence[str]) -> type[NotTaken | InDoubt]:
    """What a failure was. With several recipients some may have got it, and with a lost answer all may."""
    failures = [line for line in logged if FAILED.search(line)]
    is_sure = bool(failures) and all(NOT_TAKEN.search(line) for line in failures)
    return NotTaken if is_sure and not any(SENT.match(line) for line in logged) else InDoubt


def is_known(address: str) -> bool:
    """Does apprise understand this address, and does it lead away from this machine?"""
    from apprise import Apprise

    return scheme(address) not in LOCAL and bool(Apprise().add(address))


def scheme(address: str) -> str:
    """Which service an address is of."""
    return address.partition("://")[0].lower()


def _why(error: BaseException) -> str:
    return _without_secrets(str(error) or type(error).__name__)


def _without_secrets(said: str) -> str:
    return redaction.text(said, also=settings.COUNTERSIGN_SECRET_FIELDS)[:500]
