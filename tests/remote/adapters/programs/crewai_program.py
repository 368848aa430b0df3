"""A crew of one whose model is a script. With `tool` its tool asks people, with `callback` the output of its task does.

Prints what it sent and what it ended with.
"""

import json
import sys

from countersign import crewai
from countersign.client import Countersign, Rejected
from crewai import Agent, BaseLLM, Crew, Task
from crewai.tools import tool

sent = []


@tool("send_email")
def send_email(to: str) -> str:
    """Send a mail."""
    sent.append(to)
    return f"sent to {to}"


class Scripted(BaseLLM):
    """Calls the tool if it has one, then repeats what it heard; not a language model."""

    def call(self, messages, *more, **options):
        heard = [said["content"] for said in messages if said["role"] == "assistant"]
        if heard:
            return f"Thought: done\nFinal Answer: {heard[-1].rpartition('Observation:')[2].strip()}"
        if sys.argv[1] == "tool":
            return 'Thought: write\nAction: send_email\nAction Input: {"to": "bob"}'
        return "Thought: done\nFinal Answer: Dear Bob"

    def supports_function_calling(self):
        return False


countersign = Countersign()
tools = [crewai.guarded(send_email, client=countersign)] if sys.argv[1] == "tool" else []
callback = crewai.task_callback(client=countersign, action="send_email") if sys.argv[1] == "callback" else None
agent = Agent(role="clerk", goal="write", backstory="none", llm=Scripted(model="scripted"), tools=tools)
task = Task(description="Write to Bob", expected_output="a mail", agent=agent, callback=callback)
try:
    heard = Crew(agents=[agent], tasks=[task]).kickoff().raw
except Rejected as refusal:
    heard = str(refusal)
print(json.dumps({"sent": sent, "heard": heard}))
