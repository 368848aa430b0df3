"""A served Countersign, an agent that asks in a thread of its own, and people who answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

SOON = 60.0


class Asking:
    """A call that waits for people, in a thread of its own."""

    def __init__(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.result: Any = None
        self.raised: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(call, args, kwargs), daemon=True)
        self.thread.start()

    def _run(self, call: Callable[..., Any], args: Any, kwargs: Any) -> None:
        try:
            self.result = call(*args, **kwargs)
        except BaseException as error:
            self.raised = error

    def ended(self) -> Any:
        """What it returned; raises what it raised."""
        self.thread.join(SOON)
        assert not self.thread.is_alive()
        if self.raised:
            raise self.raised
        return self.result


def asked_for(count: int = 1) -> Any:
    """The newest ticket, once there are so many."""
    from approvals.models import Ticket

    deadline = time.monotonic() + SOON
    while Ticket.objects.count() < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return Ticket.objects.latest("id")


@pytest.fixture
def secret(transactional_db: None, dave: Any) -> str:
    """Of a token with which Dave's agent asks."""
    from approvals import tokens
    from approvals.states import Scope

    return tokens.create(dave, scope=Scope.REQUEST, actor=dave)[1]


@pytest.fixture
def mail(transactional_db: None, cast: Any) -> Any:
    """A mail needs one of the reviewers."""
    from tests import factories

    return factories.make_policy("Mail", action="send_email", recall_seconds=0, requirements={"reviewers": 1})


@pytest.fixture
def countersign(live_server: Any, secret: str, mail: Any) -> Iterator[Any]:
    """A client of a server in this process, which lets nobody wait long."""
    from agents.remote.client import Countersign

    yield Countersign(live_server.url, secret, patience=30)
