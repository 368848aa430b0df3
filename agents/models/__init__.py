"""What the runtime remembers: runs, who drives them, the ledger, drawings, the demo tools' accounts and orders."""

from agents.models.demo import DemoAccount, DemoOrder, DemoTransfer
from agents.models.drawings import GraphDrawing
from agents.models.effects import Effect, EffectState
from agents.models.runs import Run, RunQuerySet, RunStatus, Wish
from agents.models.workers import Worker

__all__ = [
    "DemoAccount",
    "DemoOrder",
    "DemoTransfer",
    "Effect",
    "EffectState",
    "GraphDrawing",
    "Run",
    "RunQuerySet",
    "RunStatus",
    "Wish",
    "Worker",
]
