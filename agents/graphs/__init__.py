"""The built-in graphs, one a file. Each is a factory that takes a run's config and has no checkpointer.

Beside `graph` a module says in which key a plain message goes (`MESSAGE_KEY`) and what input it takes
(`INPUT_SCHEMA`); its docstring is the description that people read.
"""

from __future__ import annotations
