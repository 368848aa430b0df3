"""Figures that a promise in the documents rests on: `python -m tests.benchmarks NAME [--json]`."""
