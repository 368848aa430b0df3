"""For agents that run elsewhere: needs httpx, and neither Django nor LangGraph."""
