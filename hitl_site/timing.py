"""How long each request takes and what it is about, for `/metrics`, the log and traces."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse
from prometheus_client import Histogram

from approvals import logs, traces

#: Seconds: a page should take a tenth of one.
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_REQUESTS = Histogram(
    "countersign_request_seconds",
    "How long requests took, by the view that answered, the method and the class of the answer.",
    ["view", "method", "answer"],
    buckets=BUCKETS,
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Timed:
    """The first of all: what any other does counts too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: Mapping[str, object]) -> None:
        """From here on what is logged names the ticket or the run that the address names."""
        logs.add(**{name: kwargs[name] for name in ("ticket_id", "thread_id") if name in kwargs})

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer and note how long it took."""
        began = time.perf_counter()
        with logs.about(), traces.span("request", headers=request.headers) as span:
            answer = self.get_response(request)
            labels = _labels(request, answer)
            if span is not None:
                span.update_name(f"{labels['method']} {labels['view']}")
                span.set_attributes({"http.response.status_code": answer.status_code, **logs.known()})
        _REQUESTS.labels(**labels).observe(time.perf_counter() - began)
        return answer


def _labels(request: HttpRequest, answer: HttpResponse) -> dict[str, str]:
    """Names of ours only: what somebody made up must not make figures without end."""
    match = request.resolver_match
    return {
        "view": (match.view_name or match.route) if match else "nowhere",
        "method": request.method if request.method in _METHODS else "other",
        "answer": f"{answer.status_code // 100}xx",
    }
