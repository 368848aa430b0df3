"""LangChain's middleware, default mode: one interrupt lists every gated call of a turn.

Answers are matched by position, and a wrong count bricks the thread. Python says `action_requests`,
JavaScript `actionRequests`; the answer keeps the casing it was asked in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.errors import BadAnswer
from agents.protocols import decisions, schemas
from agents.protocols.pause import Pause
from approvals.contract import ALL_DECISIONS, Answer, ProposedAction

NAME = "hitl_batched"


def recognise(pause: Pause) -> bool:
    """A dict with a list of requests, in either casing."""
    return isinstance(pause.value, dict) and isinstance(_requests(pause), list)


def to_actions(pause: Pause) -> list[ProposedAction]:
    """One ticket per call, in the order asked."""
    actions: list[ProposedAction] = []
    for position, request in enumerate(_requests(pause) or []):
        args = request.get("args") or {}
        same = sum(a.action == request["name"] and a.args == args for a in actions)
        review = _review(pause, position)
        actions.append(
            ProposedAction(
                action=request["name"],
                args=args,
                args_schema=_args_schema(pause, request["name"], review),
                description=decisions.description(request.get("description")),
                reasoning=pause.reasoning,
                context=pause.conversation,
                allowed_decisions=_allowed(pause, review),
                tool_call_id=pause.call_id(request["name"], args, skip=same),
                position=position,
            )
        )
    return actions


def resume_value(pause: Pause, answers: Sequence[Answer]) -> Any:
    """All decisions at once, as many as were asked for."""
    requests = _requests(pause) or []
    if len(answers) != len(requests):
        raise BadAnswer(why=f"{len(requests)} decisions were asked for and there are {len(answers)}.")
    return {"decisions": [_decision(pause, n, request, answers[n]) for n, request in enumerate(requests)]}


def _decision(pause: Pause, position: int, request: dict[str, Any], answer: Answer) -> dict[str, Any]:
    review = _review(pause, position)
    edited_key = "editedAction" if _is_camel(pause) else "edited_action"
    made = decisions.decision(
        answer,
        name=request["name"],
        asked=request.get("args") or {},
        allowed=_allowed(pause, review),
        edited_key=edited_key,
    )
    if made["type"] == "edit":
        # The middleware does not check edited arguments: bad ones would be spent on a tool error.
        schemas.check(made[edited_key]["args"], _args_schema(pause, request["name"], review))
    return made


def _is_camel(pause: Pause) -> bool:
    return "actionRequests" in pause.value


def _requests(pause: Pause) -> list[dict[str, Any]] | None:
    found = pause.value.get("action_requests", pause.value.get("actionRequests"))
    return found if isinstance(found, list) else None


def _review(pause: Pause, position: int) -> dict[str, Any]:
    reviews = pause.value.get("review_configs") or pause.value.get("reviewConfigs") or []
    review: dict[str, Any] = reviews[position] if position < len(reviews) else {}
    return review


def _allowed(pause: Pause, review: dict[str, Any]) -> tuple[str, ...]:
    # JavaScript knows no "respond"; Python without a review config means all four.
    known = ALL_DECISIONS[:3] if _is_camel(pause) else ALL_DECISIONS
    named = review.get("allowed_decisions") or review.get("allowedDecisions") or known
    return tuple(kind for kind in known if kind in named)


def _args_schema(pause: Pause, name: str, review: dict[str, Any]) -> dict[str, Any] | None:
    return review.get("args_schema") or review.get("argsSchema") or pause.tool_schemas.get(name)
