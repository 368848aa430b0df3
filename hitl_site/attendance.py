"""Who came, how, and who tried: it goes into the record, and every entry says how its actor had signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import password_changed, password_set, user_signed_up
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse

from approvals import audit
from approvals.audit import acting
from approvals.models import AuditEntry

SIGNED_IN, SIGNED_OUT, FAILED = "system/sign-in", "system/sign-out", "system/failed-sign-in"
ACCOUNT = "system/account"
#: Whoever tries passwords must not fill the record: as many failures in a minute are told one by one.
MOST_FAILURES = 20
_MINUTE = timedelta(minutes=1)
_WORDS = {"socialaccount": "oidc", "webauthn": "passkey", "recovery_codes": "recovery code"}


class Attended:
    """While a request is answered, whoever acts in it has signed in the way its session says."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The session is asked only when an entry is written."""
        otherwise = acting.method()
        with acting.through(lambda: method_of(request, request.user) if request.user.is_authenticated else otherwise):
            return self.get_response(request)


def method_of(request: HttpRequest, user: Any) -> str:
    """`password`, `password+totp`, `passkey`, `oidc` …; `session` where the session does not say."""
    known = [record.get("type") or record["method"] for record in get_authentication_records(request, user)]
    return "+".join(dict.fromkeys(_WORDS.get(word, word) for word in known)) or "session"


def connect() -> None:
    """Listen to who signs in and out, and who changes how; called once, at the start."""
    user_logged_in.connect(_signed_in, dispatch_uid="attendance")
    user_logged_out.connect(_signed_out, dispatch_uid="attendance")
    user_login_failed.connect(_failed, dispatch_uid="attendance")
    for signal, what in (
        (password_changed, "password.changed"),
        (password_set, "password.changed"),
        (authenticator_added, "second-factor.added"),
        (authenticator_removed, "second-factor.removed"),
        (user_signed_up, "account.made"),
    ):
        signal.connect(_changed(what), weak=False, dispatch_uid=f"attendance {what}")


@contextmanager
def on_server() -> Iterator[None]:
    """Accounts that are saved in this block are on record, each with its entry.

    Django's own commands save them, and ask for a password before: no transaction may stand open meanwhile.
    """
    plain = User.save

    def save(user: User, *args: Any, **how: Any) -> None:
        type = "person.added" if user.pk is None else "person.changed"
        with transaction.atomic():
            plain(user, *args, **how)
            _tell(type, stream=ACCOUNT, person=user.get_username(), superuser=user.is_superuser)

    User.save = save  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        User.save = plain  # type: ignore[method-assign]


def _signed_in(request: HttpRequest | None, user: User, **about: Any) -> None:
    _tell("sign-in", stream=SIGNED_IN, actor=user, request=request)


def _signed_out(request: HttpRequest | None, user: User | None, **about: Any) -> None:
    if user:
        _tell("sign-out", stream=SIGNED_OUT, actor=user, request=request)


def _failed(credentials: dict[str, Any], **about: Any) -> None:
    """Whose name was given is told only where somebody has it: others may be passwords in the wrong field."""
    name = str(credentials.get("username", ""))
    known = User.objects.filter(username=name).first()
    if AuditEntry.objects.filter(stream=FAILED, at__gt=Now() - _MINUTE).count() < MOST_FAILURES:
        _tell("sign-in.failed", stream=FAILED, person=known.get_username() if known else None)


def _changed(what: str) -> Callable[..., None]:
    def tell(user: User, request: HttpRequest | None = None, **about: Any) -> None:
        _tell(what, stream=ACCOUNT, actor=user, request=request)

    return tell


def _tell(
    type: str, *, stream: str, actor: User | None = None, request: HttpRequest | None = None, **facts: Any
) -> None:
    method = method_of(request, actor) if request and hasattr(request, "session") else acting.method()
    with acting.through(method), transaction.atomic():
        audit.append(type, stream=stream, actor=actor, **facts)
