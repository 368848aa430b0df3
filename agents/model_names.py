"""What a model may be called: asked where a run is asked for, by processes that load no model. Pure."""

from __future__ import annotations

import re

from agents.errors import ModelRefused

SCRIPTED = "scripted"
PROVIDERS = ("openai", "anthropic", "ollama")
_NAME = re.compile(rf"{SCRIPTED}|(?:{'|'.join(PROVIDERS)}):[!-~]+")


class UnknownModel(ModelRefused):
    """The model is not one that Countersign can call."""

    def __init__(self, name: str) -> None:
        self.name = name
        known = ", ".join(f"{provider}:NAME" for provider in PROVIDERS)
        super().__init__(f'Unknown model "{name}": use "{SCRIPTED}" or one of {known}.')


def check(name: str) -> None:
    """Raise UnknownModel unless the built-in graphs can call it."""
    if not _NAME.fullmatch(name):
        raise UnknownModel(name)
