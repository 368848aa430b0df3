"""Who may get an account: nobody by themselves; people the configured single sign-on vouches for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter

from approvals.views import friction

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """No open sign-up: an administrator makes accounts. Its refusals are sentences of ours."""

    error_messages: ClassVar = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "The name or the password is not right.",
        "invalid_login": "The name or the password is not right.",
        "account_inactive": "This account is switched off. Ask whoever manages Countersign where you work.",
        "too_many_login_attempts": "There were too many wrong tries. Wait a few minutes, then try again.",
        "incorrect_password": "The password is not right.",
        "enter_current_password": "This is not your current password.",
        "incorrect_code": "The code is not right.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say no to everybody."""
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """On our own pages a sign-in of just now is enough; whoever changes the ways in is asked a second time."""
        if app:
            return bool(super().is_reauthentication_required(app=app, **kwargs))
        return not friction.has_signed_in_lately(self.request)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Single sign-on makes an account on first use; it is in no group, so it may decide nothing yet."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Say yes: only the provider an administrator configured gets this far."""
        return True
