"""Wire formats of a project's own: installed under an entry point, or named by a setting.

A broken one is named, in the log and by `list_graphs`, and takes neither the others nor a run down.
"""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)

GROUP = "countersign.protocols"
#: What a format has to offer; the docstrings of `WireFormat` say what each is for.
PARTS = ("NAME", "recognise", "to_actions", "resume_value")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A format that cannot be used, and why."""

    target: str
    why: str

    def __str__(self) -> str:
        return f"The protocol {self.target} cannot be used: {self.why}"


def found() -> tuple[list[Any], list[Fault]]:
    """The project's formats in the order they are tried, and those that are broken."""
    return _found(tuple(settings.COUNTERSIGN_PROTOCOLS))


@lru_cache(maxsize=8)
def _found(named: tuple[str, ...]) -> tuple[list[Any], list[Fault]]:
    installed = sorted(point.value for point in entry_points(group=GROUP))
    formats, faults = [], []
    for target in dict.fromkeys((*named, *installed)):
        try:
            formats.append(_load(target))
        except (Exception, SystemExit) as error:
            faults.append(Fault(target=target, why=f"{type(error).__name__}: {error}."))
            logger.exception("%s", faults[-1])
    return formats, faults


def _load(target: str) -> Any:
    """A module, or what it calls by the name behind the colon."""
    place, _, name = target.partition(":")
    wire: Any = importlib.import_module(place)
    for part in filter(None, name.split(".")):
        wire = getattr(wire, part)
    missing = [part for part in PARTS if not hasattr(wire, part)]
    if missing:
        raise TypeError(f"it has no {' and no '.join(missing)}")
    return wire
