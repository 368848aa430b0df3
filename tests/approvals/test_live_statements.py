"""An event costs the same few statements however many people are connected."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.live import fragments, sessions
from approvals.models import AuditEntry
from tests.factories import open_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowd(cast, transfers):
    """Two hundred people of one group."""
    people = User.objects.bulk_create(User(username=f"reviewer-{number}", password="!") for number in range(200))
    Group.objects.get(name="reviewers").user_set.add(*people)
    return [person.pk for person in people]


def statements(call):
    with CaptureQueriesContext(connection) as captured:
        found = call()
    return len(captured), found


def test_two_hundred_readers_of_an_event_cost_no_statement_more_than_two(crowd, dave):
    open_ticket(requester=dave)
    newest = list(AuditEntry.objects.values_list("pk", flat=True))

    def told(here):
        return statements(lambda: fragments.batch(newest, connected=here, last=0))

    few, _ = told(crowd[:2])
    many, batch = told(crowd)
    assert many == few <= 14
    assert sum(len(push.users) for push in batch.pushes) == len(crowd)


def test_whether_two_hundred_sessions_go_on_is_asked_in_two_statements(crowd):
    count, ended = statements(lambda: sessions.ended({(f"key-{person}", person) for person in crowd}))
    assert (count, len(ended)) == (2, len(crowd))
