"""What an agent found, and its case for and against: shown as its words, and missing words as missing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals import proposals
from approvals.templatetags.countersign import host
from tests import factories

AGAINST = "It says nothing against it."


def page_of(client: Client, user: Any, **said: Any) -> str:
    client.force_login(user)
    return client.get(factories.open_ticket(**said).get_absolute_url()).content.decode()


def test_evidence_is_shown_with_where_its_source_leads(client: Client, transfers: Any, alice: Any) -> None:
    found = {"title": "Invoice 2201", "text": "250 euros", "source": "https://billing.example/2201"}
    page = page_of(client, alice, evidence=[found, "Bob is a known payee"])
    assert all(
        words in page for words in ("Invoice 2201", "250 euros", "Bob is a known payee", "as the agent gives it")
    )
    assert 'href="https://billing.example/2201" rel="noopener noreferrer nofollow"' in page


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("https://billing.example/2201", "billing.example"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//billing.example", ""),
        ("https://billing.example@evil.example/", ""),
        ("https://evil.example /billing.example", ""),
        ("https://[", ""),
        ("page 3 of the file", ""),
    ],
)
def test_only_a_plain_web_address_is_a_link(source: str, name: str) -> None:
    assert host(source) == name


def test_a_source_that_is_no_link_is_text(client: Client, transfers: Any, alice: Any) -> None:
    page = page_of(client, alice, evidence=[{"text": "<b>x</b>", "source": "javascript:alert(1)"}])
    assert 'href="javascript' not in page
    assert "<b>x</b>" not in page


def test_a_case_without_the_other_side_says_so(client: Client, transfers: Any, alice: Any) -> None:
    assert AGAINST in page_of(client, alice, case_for="It is due on Friday.")
    assert AGAINST not in page_of(client, alice, case_for="It is due.", case_against="The payee is new.")
    assert 'id="case"' not in page_of(client, alice)


def test_what_is_no_evidence_is_kept_as_plain_text_and_no_more_than_is_read() -> None:
    plain = proposals.plain(factories.propose(evidence=[{"title": 7}, 12, {"odd": "x\x00"}] + ["more"] * 30))
    assert plain.evidence[0] == {"title": "7", "text": "", "source": ""}
    assert plain.evidence[1]["text"] == "12"
    assert "x\ufffd" in plain.evidence[2]["text"]
    assert len(plain.evidence) == proposals.MOST_EVIDENCE


def test_it_is_searched_for_by_nobody_and_weighs_on_nothing(transfers: Any) -> None:
    one, other = factories.open_ticket(), factories.open_ticket(evidence=["It is harmless"], case_for="risk: low")
    assert (other.risk, other.gate, other.policy_name) == (one.risk, one.gate, one.policy_name)
