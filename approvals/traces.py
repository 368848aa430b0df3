"""OpenTelemetry traces, for whoever has a collector: `OTEL_EXPORTER_OTLP_ENDPOINT` says where, as everywhere.

Without it nothing of OpenTelemetry is imported. Spans say which view, run and ticket; never what a ticket says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
MISSING = "{name} is set, and OpenTelemetry's SDK is not installed: `uv sync --extra otel`."

_tracer: Any = None


class NotInstalled(Exception):
    """Traces are asked for, and what sends them is not there."""


def begin() -> None:
    """Send spans from now on, if the environment says where to. Raises NotInstalled."""
    global _tracer
    name = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    if name is None or _tracer is not None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise NotInstalled(MISSING.format(name=name)) from error
    service = os.environ.get("OTEL_SERVICE_NAME", "countersign")
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = provider.get_tracer("countersign")


@contextmanager
def span(name: str, *, headers: Mapping[str, str] | None = None, **facts: Any) -> Iterator[Any]:
    """A piece of work; with the headers of a request it goes on with the caller's trace. Yields the span, or None."""
    if _tracer is None:
        yield None
        return
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    kind = SpanKind.SERVER if headers is not None else SpanKind.INTERNAL
    caller = extract({key.lower(): value for key, value in headers.items()}) if headers else None
    known = {f"countersign.{key}": value for key, value in facts.items()}
    with _tracer.start_as_current_span(name, context=caller, kind=kind, attributes=known) as found:
        yield found
