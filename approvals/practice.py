"""Three tickets to practise on: no rows, no run, no entry of the record. What is said on them goes nowhere.

They ask what real ones ask: at low risk a key and another, at medium a look at what was said and a correction, at
critical the value itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from approvals import cards, confirmations, wording
from approvals.contract import Card
from approvals.states import Risk

CHECK = "Tick that you checked the values."
REASON = "Say why, for whoever reads it later."


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One practice ticket and what it wants of whoever decides."""

    name: str
    action: str
    title: str
    risk: Risk
    args: dict[str, Any]
    schema: dict[str, Any]
    asked: str
    said: str
    hint: str
    consequence: str
    #: What has to be changed before it is approved.
    right: dict[str, Any] = field(default_factory=dict)
    #: What is typed to approve it.
    confirm: str = ""

    @property
    def sentence(self) -> str:
        """What would happen, in one line."""
        return cards.headline(Card(title=self.title), self.args)

    @property
    def turns(self) -> list[dict[str, str]]:
        """The conversation so far."""
        return [{"role": "user", "content": self.asked}, {"role": "agent", "content": self.said}]

    def wrong(self, args: dict[str, Any]) -> list[dict[str, str]]:
        """What an approval of these arguments would get wrong: {"path", "message"} each."""
        return [
            {"path": f"/{key}", "message": f"The person asked for {wording.in_short(value)}: read the conversation."}
            for key, value in self.right.items()
            if not wording.same(args.get(key), value)
        ]

    def missing(self, said: Mapping[str, str]) -> dict[str, str]:
        """What care an approval still lacks, by the field it is about."""
        if not self.confirm:
            return {}
        found = {} if said.get("checked") else {"checked": CHECK}
        if not said.get("message", "").strip():
            found["reason"] = REASON
        if not confirmations.fits(said.get("confirm", ""), self.confirm):
            found["confirm"] = f"Type “{self.confirm}” to confirm."
        return found


def _strings(**titles: str) -> dict[str, Any]:
    return {key: {"type": "string", "title": title} for key, title in titles.items()}


LESSONS = (
    Lesson(
        name="low",
        action="post_note",
        title="Post “{text}” to {channel}",
        risk=Risk.LOW,
        args={"text": "Standup moves to 10:00", "channel": "the team’s channel"},
        schema={
            "type": "object",
            "properties": _strings(text="Text", channel="Channel"),
            "required": ["text", "channel"],
        },
        asked="Tell the team that standup moves to 10:00.",
        said="I will post it to the team’s channel.",
        hint="What would run stands on top, drawn from the stored arguments; the agent’s words come after it. This is "
        "fine: press a to go to Approve, and Enter to say it. A letter alone never decides.",
        consequence="A note can be deleted afterwards.",
    ),
    Lesson(
        name="medium",
        action="pay_invoice",
        title="Pay {amount} euros to {to}",
        risk=Risk.MEDIUM,
        args={"amount": 4200, "to": "ACME GmbH"},
        schema={
            "type": "object",
            "properties": {
                "amount": {"type": "number", "title": "Amount", "description": "In euros."},
                **_strings(to="Recipient"),
            },
            "required": ["amount", "to"],
        },
        asked="Please pay invoice 2201 of ACME GmbH, 420 euros.",
        said="I will pay invoice 2201 now.",
        hint="Compare the amount with what the person asked for. Correct it below and look at the difference before "
        "anything is sent: was → will be.",
        consequence="A payment can be called back for a day.",
        right={"amount": 420},
    ),
    Lesson(
        name="critical",
        action="purge_account",
        title="Delete the account {name} for ever",
        risk=Risk.CRITICAL,
        args={"name": "acme-trial", "records": 1204},
        schema={
            "type": "object",
            "properties": {**_strings(name="Account"), "records": {"type": "integer", "title": "Records"}},
            "required": ["name", "records"],
        },
        asked="The trial of ACME is over, and they want their data deleted: account acme-trial.",
        said="I will delete acme-trial and its 1,204 records.",
        hint="What cannot be undone looks different and asks for more: that you checked the values, why, and the very "
        "value, typed. No single key and no list approves it, and for a real one a second person signs too.",
        consequence="It cannot be undone.",
        confirm="acme-trial",
    ),
)


def find(name: str) -> Lesson | None:
    """The lesson of this name."""
    return next((lesson for lesson in LESSONS if lesson.name == name), None)


def after(lesson: Lesson) -> Lesson | None:
    """The next one; None after the last."""
    following = LESSONS[LESSONS.index(lesson) + 1 :]
    return following[0] if following else None
