"""The inbox socket. It only tells: decisions are POSTs, and what a page sends here is ignored."""

from __future__ import annotations

import asyncio

from channels.generic.websocket import AsyncWebsocketConsumer

from approvals.live import hub

MOST_SOCKETS = 20  # per user and process
MOST_WORDS = 10  # what a page may say before it is sent away; it has nothing to say

POLICY_VIOLATION = 1008
TOO_MANY = 4429


class InboxConsumer(AsyncWebsocketConsumer):
    """Sends one signed-in person the fragments of what they may see."""

    member: hub.Member | None = None
    sender: asyncio.Task[None] | None = None
    words = 0

    async def connect(self) -> None:
        """Accept before closing: a refusal before it looks like a fault and is retried for ever."""
        await self.accept()
        user, session = self.scope.get("user"), self.scope.get("session")
        if user is None or not user.is_authenticated or not user.is_active:
            await self.close(hub.SIGNED_OUT)
            return
        live = hub.current()
        if len(live.members.get(user.pk, ())) >= MOST_SOCKETS:
            await self.close(TOO_MANY)
            return
        self.member = hub.Member(user_id=user.pk, session_key=getattr(session, "session_key", None) or "")
        self.sender = asyncio.create_task(self._send_on(self.member))
        await live.join(self.member)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignore it; whoever keeps talking is sent away."""
        self.words += 1
        if self.words > MOST_WORDS:
            await self.close(POLICY_VIOLATION)

    async def disconnect(self, code: int) -> None:
        """Leave the hub."""
        if self.sender:
            self.sender.cancel()
        if self.member:
            await hub.current().leave(self.member)

    async def _send_on(self, member: hub.Member) -> None:
        """Send what the hub puts into the queue, at the pace of this socket."""
        while True:
            message = await member.queue.get()
            if isinstance(message, int):
                await self.close(message)
                return
            await self.send(text_data=message)
