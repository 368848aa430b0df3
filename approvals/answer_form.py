"""The form for a question that says what its answers look like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from approvals import fields, masks, shapes, typed
from approvals.errors import InvalidArguments
from approvals.models import Ticket

ANSWER = "answer"
#: Where a schema keeps what its references point at.
DEFINITIONS = ("$defs", "definitions")


class AnswerForm:
    """One field, or one for each property. It starts empty: a best guess that stands there would be sent unread."""

    def __init__(self, schema: dict[str, Any], *, data: Mapping[str, str] | None = None) -> None:
        """Bound when `data` is given."""
        self.is_bound = data is not None
        shown = masks.schema(schema)
        named = {"title": "Your answer", **shown}
        whole = {"type": "object", "properties": {ANSWER: named}, "required": [ANSWER]}
        kept = {key: shown[key] for key in DEFINITIONS if key in shown}
        is_object = "properties" in shapes.resolved(named, {**kept, **whole})[0]
        self.root = fields.of({ANSWER: {}} if is_object else {}, {**kept, **whole}, id=ANSWER)
        self.errors: list[str] = []
        self.value: Any = self._read(data, schema) if data is not None else None

    def _read(self, data: Mapping[str, str], schema: dict[str, Any]) -> Any:
        """What was typed; a choice that is a secret was taken by its mark."""
        try:
            return masks.restored(typed.read(self.root, data).get(ANSWER), of=None, also=schema)
        except InvalidArguments as strange:
            self.refuse(strange.errors)
            return None

    @property
    def all_errors(self) -> list[tuple[str, str, str]]:
        """(id of the field, its label, sentence) for the summary."""
        found = [(part.id, part.label, error) for part in self.root.parts() for error in part.errors]
        return found + [("", "", error) for error in self.errors]

    def refuse(self, errors: Iterable[Mapping[str, str]]) -> None:
        """Put each {"path", "message"} beside the field it is about."""
        for error in errors:
            if not fields.place(self.root, (ANSWER, *fields.path_of(error["path"])), error["message"]):
                self.errors.append(error["message"])


def of(ticket: Ticket, data: Mapping[str, str] | None = None) -> AnswerForm | None:
    """The form for the ticket's question; None where any words are an answer."""
    return AnswerForm(ticket.answer_schema, data=data) if ticket.answer_schema else None


def value(ticket: Ticket, data: Mapping[str, str]) -> Any:
    """The answer that was typed. Raises InvalidArguments for what cannot be read."""
    form = AnswerForm(ticket.answer_schema or {}, data=data)
    if form.all_errors:
        raise InvalidArguments([{"path": "", "message": f"{label}: {text}"} for _, label, text in form.all_errors])
    return form.value


def was_filled(data: Mapping[str, str]) -> bool:
    """Did this come from the form, and not from a client that answers in words?"""
    return any(name.startswith(f"args.{ANSWER}") for name in data)
