"""The API as a whole: which routers there are, and that programs are answered in their own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from agents.api import graphs, runs
from agents.errors import AgentError
from approvals.api import audit, decisions, insights, problems, tickets, token
from approvals.api.bodies import StrictJSON
from approvals.audit import acting

PREFIX = "/api/"
DESCRIPTION = (
    "Agents ask here and people may decide here. Send a token as “Authorization: Bearer cs_…”. "
    "Every refusal is application/problem+json with a code that does not change."
)

ROUTERS = (
    ("graphs", graphs.router),
    ("runs", runs.router),
    ("tickets", tickets.router),
    ("tickets", decisions.router),
    ("audit", audit.router),
    ("insights", insights.router),
    ("token", token.router),
)


class ForPrograms:
    """Under `/api/` whoever acts came with a token, and whatever refuses speaks `application/problem+json`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Put a problem in the place of a page; what the headers say stays."""
        if not request.path.startswith(PREFIX):
            return self.get_response(request)
        with acting.through(acting.TOKEN):
            response = self.get_response(request)
        if response.status_code < 400 or response.headers.get("Content-Type") == problems.CONTENT_TYPE:
            return response
        kept = {name: value for name, value in response.items() if not name.lower().startswith("content-")}
        return problems.of_status(response.status_code, headers=kept)


class API(NinjaAPI):
    """Ninja's, described as it is: refusals have a media type of their own, and names say what is done to what."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """`tickets_create`."""
        return f"{operation.view_func.__module__.rpartition('.')[2]}_{operation.view_func.__name__}"

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The description, at `openapi.json`."""
        schema = super().get_openapi_schema(**options)
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["summary"] = operation["operationId"].replace("_", ": ")
                for status, response in operation["responses"].items():
                    if int(status) >= 400:
                        response["content"] = {problems.CONTENT_TYPE: response["content"]["application/json"]}
        return schema


def urls() -> tuple[list[URLResolver | URLPattern], str, str]:
    """The addresses. A token opens them, so the page that asks for a password does not."""
    patterns, app, namespace = _assembled().urls
    for pattern in patterns:
        view: Any = pattern.callback
        view.login_required = False
    return patterns, app, namespace


def _assembled() -> API:
    api = API(
        title="Countersign",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        parser=StrictJSON(),
        urls_namespace="api",
    )
    problems.install(api, AgentError)
    for name, router in ROUTERS:
        api.add_router(f"/{name}", router)
    return api
