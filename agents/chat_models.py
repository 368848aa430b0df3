"""Which chat model a run uses: the scripted one, or a provider's through its own client library."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel

from agents import model_names
from agents.errors import ModelRefused
from agents.model_names import SCRIPTED
from agents.models_offline import ScriptedChatModel

#: Asked for up front: without one Anthropic's client would first go out and then speak of the connection.
KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
TIMEOUT_SECONDS = 60.0
RETRIES = 2


class MissingKey(ModelRefused):
    """The provider asks for a key and its environment variable is empty."""

    def __init__(self, name: str, *, variable: str) -> None:
        self.name, self.variable = name, variable
        super().__init__(f"The model {name} needs an API key: set {variable}.")


class ModelFailed(RuntimeError):
    """The provider did not give a usable answer; the sentence says what it did instead."""


def name_of(config: Mapping[str, Any] | None) -> str:
    """The name of the model that a config asks for."""
    return str(((config or {}).get("configurable") or {}).get("model") or SCRIPTED)


def chosen(config: Mapping[str, Any] | None) -> BaseChatModel:
    """The chat model that a run's config names under `configurable.model`.

    Addresses and keys come from the provider's own environment variables, so nothing secret is ever
    part of a run. `model_timeout` and `model_retries` beside it change the patience.
    """
    configurable = (config or {}).get("configurable") or {}
    name = name_of(config)
    if name == SCRIPTED:
        return ScriptedChatModel()
    model_names.check(name)
    provider, _, model = name.partition(":")
    if (variable := KEYS.get(provider)) and not os.environ.get(variable):
        raise MissingKey(name, variable=variable)
    timeout = float(configurable.get("model_timeout", TIMEOUT_SECONDS))
    retries = int(configurable.get("model_retries", RETRIES))
    patience = _patience(provider, timeout, retries)
    client: BaseChatModel = init_chat_model(model, model_provider=provider, **patience)
    return client


def _patience(provider: str, timeout: float, retries: int) -> dict[str, Any]:
    if provider == "ollama":  # its client has no retries of its own
        return {"client_kwargs": {"timeout": timeout}}
    return {"timeout": timeout, "max_retries": retries}


@contextmanager
def clear_errors(model: str) -> Iterator[None]:
    """Turn what a provider's client raises into one sentence; any other exception passes unchanged."""
    try:
        yield
    except Exception as error:
        if (sentence := explain(error, model=model)) is None:
            raise
        raise ModelFailed(sentence) from error


def explain(error: Exception, *, model: str) -> str | None:
    """What went wrong with a provider, in words; None if it is no such error."""
    # The three clients share no base class. Their status errors share an attribute, the rest their words.
    status = getattr(error, "status_code", None)
    kinds = " ".join(kind.__name__ for kind in type(error).__mro__)
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) or "ResponseValidation" in kinds:
        return f"The model {model} sent an answer that is not valid JSON."
    if "Timeout" in kinds:
        return f"The model {model} did not answer in time."
    if isinstance(status, int) and status > 0:
        return _status_sentence(status, model=model, said=_said(error))
    if any(word in kinds for word in ("ConnectionError", "ConnectError", "NetworkError", "ProtocolError")):
        return f"The model {model} could not be reached: {error}"
    return None


def _status_sentence(status: int, *, model: str, said: str) -> str:
    if status == 429:
        return f"The model {model} is rate limited (429): {said}"
    if status in {401, 403}:
        return f"The model {model} refused the API key ({status}): {said}"
    if status >= 500:
        return f"The model {model} failed on the provider's side ({status}): {said}"
    return f"The model {model} refused the request ({status}): {said}"


def _said(error: Exception) -> str:
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        if isinstance(inner, dict) and inner.get("message"):
            return str(inner["message"])
    return str(error)[:500]
