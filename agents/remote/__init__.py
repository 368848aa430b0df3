"""For agents that run elsewhere: needs httpx, and neither Django nor LangGraph.

Here it is `agents.remote`; installed by itself (`countersign-client`) it is `countersign`.
"""
