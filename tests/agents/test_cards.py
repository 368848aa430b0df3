"""What a graph's tools and its entry say of its actions reaches their tickets."""

from __future__ import annotations

import json

import pytest

from approvals import display
from approvals.models import Ticket

pytestmark = pytest.mark.django_db(transaction=True)


def said(text):
    return {"messages": [{"role": "user", "content": text}]}


def test_a_tool_s_metadata_is_its_card(start):
    ticket = Ticket.objects.get(thread_id=start("operations", said("transfer 20 to bob")).thread_id)
    assert (ticket.card["risk"], ticket.card["reversible"], ticket.card["salient"]) == ("high", False, ["amount", "to"])
    assert display.headline(ticket) == "Transfer 20 to bob"


def test_an_entry_says_more_of_its_actions_than_their_tools_do(settings, tmp_path, start, cast):
    entry = {
        "path": "agents.graphs.operations:graph",
        "cards": {"transfer_money": {"title": "Pay {amount} to {to}", "risk": "low", "environment": "the demo bank"}},
    }
    (tmp_path / "langgraph.json").write_text(json.dumps({"graphs": {"bank": entry}}))
    ticket = Ticket.objects.get(thread_id=start("bank", said("transfer 20 to bob")).thread_id)
    assert ticket.card == {
        "title": "Pay {amount} to {to}",
        "salient": ["amount", "to"],
        "reversible": False,
        "environment": "the demo bank",
        "risk": "high",
    }
