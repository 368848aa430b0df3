"""Channels for notifications from the command line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from approvals.models import NoticeChannel
from approvals.notices import channels
from approvals.states import NoticeKind

USAGE = 2
KINDS = [kind.value for kind in NoticeKind if kind is not NoticeKind.TEST]


class Command(BaseCommand):
    """`notify add|list|test|remove`: addresses come on standard input, so that no list of processes shows them."""

    help = "Add, list, try and remove the channels over which groups and people are told."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word for what to do, then its flags."""
        what = parser.add_subparsers(dest="what", required=True)
        add = what.add_parser("add", help="add a channel; its address, as apprise writes it, comes on standard input")
        add.add_argument("name")
        whose = add.add_mutually_exclusive_group(required=True)
        whose.add_argument("--group")
        whose.add_argument("--user")
        add.add_argument("--mail", action="store_true", help="no address: by mail to the person, or to each member")
        add.add_argument("--kinds", default=",".join(KINDS), help=f"comma-separated: {', '.join(KINDS)}")
        add.add_argument("--window", type=int, default=0, metavar="SECONDS", help="between two messages")
        add.add_argument("--shows-args", action="store_true", help="it is safe to send arguments there")
        what.add_parser("list", help="what there is, and what went wrong last")
        for name, does in (("test", "have a worker send a test message"), ("remove", "take one away")):
            what.add_parser(name, help=does).add_argument("id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; exit with 2 where that is not possible."""
        getattr(self, f"_{options['what']}")(options)

    def _add(self, options: dict[str, Any]) -> None:
        kinds = [kind.strip() for kind in options["kinds"].split(",") if kind.strip()]
        if unknown := [kind for kind in kinds if kind not in KINDS]:
            raise CommandError(f"There is no kind “{unknown[0]}”: take of {', '.join(KINDS)}.", returncode=USAGE)
        try:
            channel = channels.add(
                actor=None,
                group=self._one(Group, "name", options["group"], "group"),
                person=self._one(User, "username", options["user"], "user"),
                is_public=False,
                name=options["name"],
                address="" if options["mail"] else sys.stdin.readline().strip(),
                kinds=kinds,
                window_seconds=max(options["window"], 0),
                shows_args=options["shows_args"],
            )
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages), returncode=USAGE) from refusal
        self.stdout.write(str(channel.pk))

    def _list(self, options: dict[str, Any]) -> None:
        for channel in NoticeChannel.objects.select_related("group", "person"):
            whose = f"group {channel.group}" if channel.group else str(channel.person)
            said = f"  ! {channel.error}" if channel.error else ""
            told = ",".join(channel.kinds)
            self.stdout.write(f"{channel.pk}  {channel.name}  {whose}  {channel.shown}  {told}{said}")

    def _test(self, options: dict[str, Any]) -> None:
        channels.try_out(self._channel(options), actor=None)
        self.stdout.write("A worker sends a test message; `notify list` says if it does not arrive.")

    def _remove(self, options: dict[str, Any]) -> None:
        channels.remove(self._channel(options), actor=None)

    def _channel(self, options: dict[str, Any]) -> NoticeChannel:
        found = NoticeChannel.objects.filter(pk=options["id"]).select_related("person", "group").first()
        if found is None:
            raise CommandError(f"There is no channel {options['id']}.", returncode=USAGE)
        return found

    def _one(self, model: Any, field: str, value: str | None, what: str) -> Any:
        if value is None:
            return None
        found = model.objects.filter(**{field: value}).first()
        if found is None:
            raise CommandError(f"There is no {what} called “{value}”.", returncode=USAGE)
        return found
