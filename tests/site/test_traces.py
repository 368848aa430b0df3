"""With a collector in the environment each request is a span of the caller's trace; without one nothing is imported."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from approvals import traces

CALLER = "0af7651916cd43dd8448eb211c80319c"
WORK = """
import os, django
django.setup()
from django.test import Client
from approvals import traces
answer = Client().get("/healthz", headers={"host": "localhost", "traceparent": "00-CALLER-b7ad6b7169203331-01"})
assert answer.status_code == 200
with traces.span("run", thread_id="t1"):
    pass
""".replace("CALLER", CALLER)


@pytest.fixture
def collector() -> Iterator[Any]:
    """Takes spans over OTLP and HTTP, as a collector does, and keeps their bytes."""

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.server.taken.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Keeper) as server:
        server.taken = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_request_goes_on_with_the_caller_s_trace(collector: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    subprocess.run([sys.executable, "-c", WORK], check=True, timeout=60)
    spans = {}
    for path, body in collector.taken:
        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                spans.update({span.name: span for span in scope.spans})
    assert sorted(spans) == ["GET healthz", "run"]
    assert spans["GET healthz"].trace_id.hex() == CALLER
    assert {each.key for each in spans["run"].attributes} == {"countersign.thread_id"}


def test_without_a_collector_nothing_of_it_is_imported() -> None:
    look = "import sys, django; django.setup(); assert 'opentelemetry.sdk' not in sys.modules"
    subprocess.run([sys.executable, "-c", look], check=True, timeout=60)


def test_a_span_costs_nothing_where_nobody_asked() -> None:
    with traces.span("run", thread_id="t1") as span:
        assert span is None


def test_a_collector_without_the_library_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(traces.NotInstalled, match="uv sync --extra otel"):
        traces.begin()
