from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from approvals import drafts, policy_files, policy_words, rulebook, wording
from approvals.errors import InvalidPolicy

Bodies = dict[str, dict[str, Any]]


class Command(BaseCommand):
    """Make the policies of a file all the policies there are."""

    help = "Loads policies from a TOML file in the place of all there are; says what changes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which file, and whether only to look."""
        parser.add_argument("file", nargs="?", metavar="FILE", help="TOML file (COUNTERSIGN_POLICIES)")
        parser.add_argument("--dry-run", action="store_true", help="print the difference and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load all of the file or nothing of it; print the difference."""
        path = options["file"] or settings.COUNTERSIGN_POLICIES
        if not path:
            raise CommandError("Name a file, or set COUNTERSIGN_POLICIES.", returncode=2)
        try:
            lines = self._load(policy_files.load(Path(path)), keep=not options["dry_run"])
        except InvalidPolicy as error:
            where = "" if options["file"] else f"COUNTERSIGN_POLICIES names {path}. "
            raise CommandError(f"{where}{error} Nothing was changed.", returncode=2) from error
        if not options["verbosity"]:
            return
        for line in lines:
            self.stdout.write(line)
        if not lines:
            self.stdout.write("No difference.")
        elif options["dry_run"]:
            self.stdout.write("Nothing was changed: this was a dry run.")

    def _load(self, file: policy_files.PolicyFile, *, keep: bool) -> list[str]:
        # A dry run does everything and takes it back: what it says is what would happen.
        with transaction.atomic():
            before = {draft.name: draft.body for draft in rulebook.present()}
            known = set(Group.objects.values_list("name", flat=True))
            rulebook.replace(file.drafts, groups=file.groups, actor=None, source="file")
            after = {draft.name: draft.body for draft in rulebook.present()}
            for draft in file.drafts:
                for shortfall in drafts.shortfalls(draft):
                    self.stderr.write(f"{draft.name}: {shortfall.sentence}")
            transaction.set_rollback(not keep)
        made = sorted(set(file.groups) - known)
        return [f"+ The group “{wording.visible(name)}” is made" for name in made] + list(_difference(before, after))


def _difference(before: Bodies, after: Bodies) -> Iterator[str]:
    blank = drafts.new({}).values
    for name in dict.fromkeys((*before, *after)):
        yield from policy_words.difference(before.get(name), after.get(name), blank=blank)
