"""Who may get an account: nobody by themselves; people the configured single sign-on vouches for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """No open sign-up: an administrator makes accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say no to everybody."""
        return False


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Single sign-on makes an account on first use; it is in no group, so it may decide nothing yet."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Say yes: only the provider an administrator configured gets this far."""
        return True
