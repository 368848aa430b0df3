"""Mail as files: each message becomes one `.eml` file that any mail program opens."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class EmlBackend(BaseEmailBackend):
    """Write every message to `EMAIL_FILE_PATH`; the default while no SMTP server is configured."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """One file per message, named by time so that a listing is in order."""
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
            (folder / f"{stamp}-{uuid.uuid4().hex[:8]}.eml").write_bytes(message.message().as_bytes())
        return len(email_messages)
