"""Graphs and runs over the API. No graph is ever loaded here: rows are read, and a worker is asked."""
