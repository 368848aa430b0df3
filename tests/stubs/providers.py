"""A local HTTP server that speaks as OpenAI, Anthropic and Ollama do, and fails as they fail.

The real client libraries talk to it over a real socket. To a question it answers with one tool call, to
a tool's result with a closing sentence; before that it works through the faults it was told.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOOL, ARGS, CLOSING = "transfer_money", {"amount": 250, "to": "bob"}, "The transfer was made."


class Fault(Enum):
    """One way in which a provider does not answer."""

    RATE_LIMITED = 429
    SERVER_ERROR = 500
    OVERLOADED = 503
    BAD_KEY = 401
    SLOW = "slow"
    MALFORMED = "malformed"


@dataclass
class Provider:
    """The stub as a test sees it."""

    url: str = ""
    #: What to do wrong, one for each request, before answering.
    faults: list[Fault] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    #: Slow requests wait for this, so that no test has to sleep.
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve on a free port of this machine until the block ends."""
    stub = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        stub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(stub: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            stub.requests.append({"path": self.path, "body": body, "headers": dict(self.headers)})
            fault = stub.faults.pop(0) if stub.faults else None
            if fault is Fault.SLOW:
                stub.released.wait(30)
            elif fault is Fault.MALFORMED:
                self.send(200, b'{"choices": [{"mess', "application/json")
            elif fault is not None:
                self.send(fault.value, json.dumps(_error(self.path, fault)).encode(), "application/json")
            else:
                self.send(200, *_answer(self.path, body))

        def send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            if status == Fault.RATE_LIMITED.value:
                self.send_header("Retry-After", "1")
                self.send_header("Retry-After-Ms", "10")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


def _error(path: str, fault: Fault) -> dict[str, Any]:
    said = f"stub says {fault.name.lower()}"
    if path == "/api/chat":
        return {"error": said}
    if path == "/v1/messages":
        return {"type": "error", "error": {"type": "api_error", "message": said}}
    return {"error": {"message": said, "type": "api_error", "param": None, "code": None}}


def _answer(path: str, body: dict[str, Any]) -> tuple[bytes, str]:
    wants_tool = not _has_result(body)
    if path == "/v1/chat/completions":
        return _openai_stream(wants_tool) if body.get("stream") else _json(_openai(wants_tool))
    if path == "/v1/messages":
        return _anthropic_stream(wants_tool) if body.get("stream") else _json(_anthropic(wants_tool))
    if path == "/api/chat":
        return _lines(_ollama(wants_tool))
    raise AssertionError(f"No provider has {path}.")


def _has_result(body: dict[str, Any]) -> bool:
    last = body["messages"][-1]
    content = last.get("content")
    blocks = content if isinstance(content, list) else []
    return last["role"] == "tool" or any(block.get("type") == "tool_result" for block in blocks)


def _openai_message(wants_tool: bool) -> dict[str, Any]:
    if not wants_tool:
        return {"role": "assistant", "content": CLOSING}
    function = {"name": TOOL, "arguments": json.dumps(ARGS)}
    call = {"index": 0, "id": "call_stub1", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _openai(wants_tool: bool) -> dict[str, Any]:
    finish = "tool_calls" if wants_tool else "stop"
    choice = {"index": 0, "message": _openai_message(wants_tool), "finish_reason": finish}
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [choice],
        "usage": usage,
    }


def _openai_stream(wants_tool: bool) -> tuple[bytes, str]:
    finish = "tool_calls" if wants_tool else "stop"
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
    chunks = [
        {**base, "choices": [{"index": 0, "delta": _openai_message(wants_tool), "finish_reason": None}]},
        {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
    ]
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return f"{events}data: [DONE]\n\n".encode(), "text/event-stream"


def _anthropic(wants_tool: bool) -> dict[str, Any]:
    text = {"type": "text", "text": CLOSING}
    use = {"type": "tool_use", "id": "toolu_stub1", "name": TOOL, "input": ARGS}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "stub",
        "content": [use if wants_tool else text],
        "stop_reason": "tool_use" if wants_tool else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 5},
    }


def _anthropic_stream(wants_tool: bool) -> tuple[bytes, str]:
    whole = _anthropic(wants_tool)
    [block] = whole["content"]
    start = {**block, "input": {}} if wants_tool else {**block, "text": ""}
    part = json.dumps(ARGS) if wants_tool else CLOSING
    delta = {"type": "input_json_delta", "partial_json": part} if wants_tool else {"type": "text_delta", "text": part}
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events = [
        {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return text.encode(), "text/event-stream"


def _ollama(wants_tool: bool) -> list[dict[str, Any]]:
    base = {"model": "stub", "created_at": "2026-01-01T00:00:00Z"}
    call = {"function": {"name": TOOL, "arguments": ARGS}}
    said = {"content": "", "tool_calls": [call]} if wants_tool else {"content": CLOSING}
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 5}
    return [
        {**base, "message": {"role": "assistant", **said}, "done": False},
        {**base, "message": {"role": "assistant", "content": ""}, **end},
    ]


def _json(answer: dict[str, Any]) -> tuple[bytes, str]:
    return json.dumps(answer).encode(), "application/json"


def _lines(parts: list[dict[str, Any]]) -> tuple[bytes, str]:
    return "".join(json.dumps(part) + "\n" for part in parts).encode(), "application/x-ndjson"
