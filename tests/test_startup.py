"""What a web process loads."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("langgraph", "langchain", "langchain_core", "openai", "anthropic", "ollama")


def test_the_web_process_starts_without_the_agents_libraries():
    code = f"import sys, hitl_site.asgi, hitl_site.urls; print([m for m in {HEAVY} if m in sys.modules])"
    started = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert started.stdout.strip() == "[]", started.stderr
