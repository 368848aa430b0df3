"""An agent of the OpenAI Agents SDK that sends a mail; its model is a script. Prints what it sent and what it heard."""

import json

from countersign import openai_agents
from countersign.client import Countersign
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from agents import Agent, Model, ModelResponse, Runner, Usage, function_tool, set_tracing_disabled

sent = []


@function_tool(needs_approval=True)
def send_email(to: str) -> str:
    sent.append(to)
    return f"sent to {to}"


class Scripted(Model):
    """Calls the tool, then repeats what it returned; not a language model."""

    async def get_response(self, system_instructions, input, *more, **options):
        heard = [item["output"] for item in input if item.get("type") == "function_call_output"]
        if heard:
            text = ResponseOutputText(type="output_text", text=str(heard[-1]), annotations=[])
            said = ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
        else:
            said = ResponseFunctionToolCall(
                type="function_call", call_id="call-1", name="send_email", arguments='{"to": "bob"}'
            )
        return ModelResponse(output=[said], usage=Usage(), response_id=None)

    def stream_response(self, *more, **options):
        raise NotImplementedError


set_tracing_disabled(True)
countersign = Countersign()
result = Runner.run_sync(Agent(name="clerk", model=Scripted(), tools=[send_email]), "Write to bob")
while result.interruptions:
    state = openai_agents.answered_sync(result, client=countersign)
    result = Runner.run_sync(result.last_agent, state)
    openai_agents.report_sync(result, client=countersign)
print(json.dumps({"sent": sent, "heard": result.final_output}))
