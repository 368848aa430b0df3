"""Which of the sockets' sessions have ended: signed out, expired, password changed, switched off."""

from __future__ import annotations

from collections.abc import Collection
from hmac import compare_digest
from importlib import import_module

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.utils import timezone


def ended(sockets: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
    """Of these (session key, user id) pairs, those that no longer are a signed-in user."""
    users = User.objects.filter(is_active=True).in_bulk([user_id for _, user_id in sockets])
    stored = _stored([key for key, _ in sockets])
    return {
        (key, user_id)
        for key, user_id in sockets
        if user_id not in users or not _belongs(stored.get(key, {}), users[user_id])
    }


def _stored(keys: Collection[str]) -> dict[str, dict[str, str]]:
    """What the database holds of these sessions, in one query."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    rows = store.model.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return {row.session_key: store.decode(row.session_data) for row in rows}


def _belongs(session: dict[str, str], user: User) -> bool:
    """Is this session signed in as this user, with the password as it is now?"""
    told = session.get(HASH_SESSION_KEY, "")
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return session.get(SESSION_KEY) == str(user.pk) and any(compare_digest(told, known) for known in hashes)
