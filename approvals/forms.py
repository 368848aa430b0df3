"""What a browser posts to decide: a decision, and for an edit the arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User

from approvals import answer_form, answers, differences, fields, masks, policy, typed, wording
from approvals.contract import NewDecision
from approvals.errors import CannotHandOver, CannotSnooze, DecisionNotAllowed, InvalidArguments
from approvals.models import Ticket
from approvals.states import DecisionType

TOO_LONG = "A note has at most 1,000 characters."
NOTHING_TYPED = [{"path": "", "message": "an edit needs arguments"}]


class ArgumentsForm:
    """The arguments of a ticket as a form made from their JSON Schema, or from the values without one."""

    def __init__(
        self, args: dict[str, Any], schema: dict[str, Any] | None = None, *, data: Mapping[str, str] | None = None
    ) -> None:
        """Bound when `data` is given; what was not posted keeps its value, and so does a secret whose mark is."""
        shown = masks.value(args)
        self.root = fields.of(shown, masks.schema(schema), has_steps=True)
        self.json_text = fields.text_of(replace(self.root, path=(), kind="json", value=shown, presence="value"))
        self.json_errors: list[str] = []
        self.errors: list[str] = []
        #: The older version that JSON was begun on, and what it would change of the newest: perhaps a colleague's edit.
        self.begun_on: int | None = None
        self.would_change: list[differences.Change] = []
        self.is_bound = data is not None
        self.as_json = data is not None and "args_json" in data
        self.args = args
        if data is not None:
            typed_in = self._from_json(data["args_json"]) if self.as_json else typed.read(self.root, data)
            self.args = self._restored(typed_in, args, schema)

    def is_valid(self) -> bool:
        """Could everything typed be read? Whether it may run is for `decisions.record` to say."""
        return not self.all_errors

    def knows(self, data: Mapping[str, str]) -> bool:
        """Is any of this one of its fields?"""
        return self.as_json or any(name in data for name in self.root.posted())

    @property
    def left_out(self) -> list[str]:
        """The labels of rows that were added and left empty: they are in no list."""
        return [part.label for part in self.root.parts() if part.is_blank]

    @property
    def all_errors(self) -> list[tuple[str, str, str]]:
        """(id of the field, its label, sentence) for the summary."""
        found = [(part.id, part.label, error) for part in self.root.parts() for error in part.errors]
        found += [("args-json", "Arguments as JSON", error) for error in self.json_errors]
        return found + [("", "", error) for error in self.errors]

    def posted(self) -> dict[str, str]:
        """What it would send as it stands."""
        return {"args_json": self.json_text} if self.as_json else self.root.posted()

    def focus(self, name: str) -> None:
        """Begin in the field of this name when it is drawn, or in the first one inside it."""
        found = next((part for part in self.root.parts() if part.name == name), None)
        if found:
            next(iter(found.leaves()) if found.kind != "rows" else iter([found]), found).has_focus = True

    def refuse(self, errors: Iterable[Mapping[str, str]]) -> None:
        """Put each {"path", "message"} beside the field it is about."""
        for error in errors:
            if self.as_json:
                where = f"{wording.visible(error['path'])}: " if error["path"] else ""
                self.json_errors.append(f"{where}{error['message']}")
            elif not fields.place(self.root, fields.path_of(error["path"]), error["message"]):
                self.errors.append(error["message"])

    def _restored(self, typed_in: Any, args: dict[str, Any], schema: Any) -> Any:
        try:
            return masks.restored(typed_in, of=args, also=schema)  # one of its choices may be a secret
        except InvalidArguments as strange:
            self.refuse(strange.errors)
            return args

    def _from_json(self, text: str) -> Any:
        self.json_text = text
        try:
            return typed.from_json(text)
        except typed.Unreadable as error:
            self.json_errors.append(str(error))
            return {}


class WordsField(forms.CharField):
    """Text in which a line end is one character, as the browser counted it against `maxlength`."""

    def to_python(self, value: Any) -> str:
        """The text with plain newlines: browsers send two characters for each."""
        return str(super().to_python(value)).replace("\r\n", "\n").replace("\r", "\n")


class DecisionForm(forms.Form):
    """One word on one ticket, as it was shown."""

    type = forms.ChoiceField(choices=DecisionType.choices)
    digest = forms.CharField(max_length=64)
    message = WordsField(required=False, max_length=answers.MAX_WORDS)
    confirm = forms.CharField(required=False, max_length=200, strip=False)
    action = forms.CharField(required=False, max_length=200)
    remember = forms.BooleanField(required=False)
    taken_back = forms.IntegerField(required=False, min_value=0, max_value=1_000_000)
    checked = forms.BooleanField(required=False)
    seen = forms.CharField(required=False, max_length=400)

    def decision(self, ticket: Ticket) -> NewDecision:
        """The decision that was posted. Raises InvalidArguments for what cannot be read."""
        if not self.is_valid():
            raise self._refusal()
        kind = self.cleaned_data["type"]
        args, message = self._content(ticket, kind)
        return NewDecision(
            type=kind,
            digest=self.cleaned_data["digest"],
            args=args,
            message=message,
            confirm=self.cleaned_data["confirm"],
            action=self.cleaned_data["action"],
            remember=self.cleaned_data["remember"],
            taken_back=self.cleaned_data["taken_back"] or 0,
        )

    def _content(self, ticket: Ticket, kind: str) -> tuple[dict[str, Any] | None, str]:
        """Arguments and words; an answer that was typed into fields is one or the other."""
        message: str = self.cleaned_data["message"]
        if kind == DecisionType.RESPOND and ticket.answer_schema and answer_form.was_filled(self.data):
            answer = answer_form.value(ticket, self.data)
            return (answer, message) if isinstance(answer, dict) else (None, answers.in_words(answer))
        return (self._args(ticket) if kind == DecisionType.EDIT else None), message

    def _args(self, ticket: Ticket) -> dict[str, Any]:
        form = edited(ticket, self.data)
        if self.cleaned_data["digest"] == ticket.digest and not form.knows(self.data):
            raise InvalidArguments(NOTHING_TYPED)  # it would count as an approval of what it did not mention
        if not form.is_valid():
            raise InvalidArguments([{"path": label, "message": error} for _, label, error in form.all_errors])
        args: dict[str, Any] = form.args
        return args

    def _refusal(self) -> DecisionNotAllowed | InvalidArguments:
        if "type" in self.errors:
            return DecisionNotAllowed(type=str(self.data.get("type", ""))[:40])
        problems = [(name, str(error)) for name, errors in self.errors.items() for error in errors]
        return InvalidArguments([{"path": f"/{name}", "message": text} for name, text in problems])


def edited(ticket: Ticket, data: Mapping[str, str]) -> ArgumentsForm:
    """What was typed over the ticket's current arguments.

    The page may have been drawn from an older revision: what its reader did not touch there follows the
    newer one, so that nobody takes back a colleague's edit unawares.
    """
    shown = next((r for r in ticket.revisions.all() if r.digest == data.get("digest")), None)
    if shown is None or shown.number == ticket.revision:
        return ArgumentsForm(ticket.args, ticket.args_schema, data=data)
    if "args_json" in data:
        return _edited_as_json(ticket, data, begun_on=shown.number)
    theirs = ArgumentsForm(shown.args, ticket.args_schema, data=data)
    if not theirs.is_valid():
        untouched = fields.of(masks.value(shown.args), masks.schema(ticket.args_schema), has_steps=True).posted()
        touched = {name: text for name, text in data.items() if untouched.get(name) != text.replace("\r\n", "\n")}
        return ArgumentsForm(ticket.args, ticket.args_schema, data=touched)
    both = differences.laid_over(ticket.args, before=shown.args, after=theirs.args)
    as_typed = fields.of(masks.value(both), masks.schema(ticket.args_schema), has_steps=True).posted()
    laid = ArgumentsForm(ticket.args, ticket.args_schema, data=as_typed)
    return laid if wording.same(laid.args, both) else ArgumentsForm(both, ticket.args_schema)


def _edited_as_json(ticket: Ticket, data: Mapping[str, str], *, begun_on: int) -> ArgumentsForm:
    form = ArgumentsForm(ticket.args, ticket.args_schema, data=data)
    form.begun_on = begun_on
    if form.is_valid():
        form.would_change = differences.of(ticket.args, form.args, ticket.args_schema)
    return form


class NoteForm(forms.Form):
    """A few words to the colleagues."""

    note = WordsField(required=False, max_length=1000)

    def words(self) -> str:
        """The note. Raises InvalidArguments where it is too long."""
        if not self.is_valid():
            raise InvalidArguments([{"path": "/note", "message": TOO_LONG}])
        note: str = self.cleaned_data["note"]
        return note


class HandoverForm(NoteForm):
    """Whom to ask, by name."""

    to = forms.CharField(max_length=150)

    def receiver_and_note(self, ticket: Ticket, giver: User) -> tuple[User, str]:
        """The colleague and the note. Raises CannotHandOver for somebody who may not decide on the ticket."""
        if "note" in self.errors:
            raise CannotHandOver(TOO_LONG)
        name = self.cleaned_data.get("to", "")
        receiver = policy.colleagues(ticket, of=giver).filter(username=name).first()
        if receiver is None:
            raise CannotHandOver("Choose a colleague who may decide on this ticket and has not done so yet.")
        return receiver, self.cleaned_data["note"]


class SnoozeForm(forms.Form):
    """For how long, or until when (UTC)."""

    seconds = forms.IntegerField(required=False, min_value=1, max_value=365 * 86_400)
    until = forms.DateTimeField(required=False)

    def seconds_or_moment(self) -> tuple[int | None, datetime | None]:
        """One of the two. Raises CannotSnooze for what is neither."""
        if not self.is_valid() or not any(self.cleaned_data.values()):
            raise CannotSnooze
        return self.cleaned_data["seconds"], self.cleaned_data["until"]
