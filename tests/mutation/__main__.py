"""Break the promise's three modules in every small way, and count what the tests notice.

`uv run --with mutmut~=3.8 python -m tests.mutation [--fresh] [quorum] [digests] [decisions]` works on a copy of the
tree. mutmut makes the mutants; they are tried in one process on one database (`tests.mutation.loop`), for its own
way, a new set-up of Django for each, takes half an hour. The pure modules are judged by their own pure tests alone.

One line for each mutant as soon as its fate is known, and the same in `var/mutation/`: a run that was broken off
goes on where it was, and after a new test only the survivors are tried again, and what was changed since.
`--fresh` forgets that. It ends with the survivors, each with what was changed, and the figure. Exit 1 under the
promised share.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: What must be noticed, in percent.
PROMISED = 90
ROOT = Path(__file__).parents[2]
KEPT = ROOT / "var" / "mutation"
FOLDERS = ("approvals", "agents", "hitl_site", "templates", "static", "tests")
FILES = ("manage.py", "README.md", "pyproject.toml")
#: Which tests judge which module.
JUDGES = {
    "quorum": ("quorum",),
    "digests": ("digests",),
    "decisions": (
        "decisions",
        "answers",
        "sign_off",
        "weighing",
        "confirmations",
        "grants",
        "gates",
        "decision_record",
    ),
}
SETTINGS = """[mutmut]
source_paths = approvals
only_mutate = approvals/{module}.py
also_copy =
  {others}
"""
#: Everything that `mutmut run` does before it runs a test.
GENERATE = """
import os
from mutmut import __main__ as mutmut
os.makedirs("mutants")
mutmut.copy_src_dir()
mutmut.copy_also_copy_files()
mutmut.setup_source_paths()
mutmut.store_lines_covered_by_tests()
mutmut.create_mutants(1)
"""


def main(words: list[str]) -> int:
    """Break each module in turn and print what was not noticed. Returns the exit code."""
    total = killed = 0
    if "--fresh" in words:
        shutil.rmtree(KEPT, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="countersign-mutants-") as home:
        for module in [word for word in words if word != "--fresh"] or JUDGES:
            copy = Path(home) / module
            fates = _break(module, copy=copy)
            alive = [name for name, fate in fates.items() if fate != "killed"]
            for name in alive:
                print(f"\n{name}: {fates[name]}", *_change(name, copy=copy), sep="\n")
            print(f"\n{module}: {len(fates) - len(alive)} of {len(fates)} mutants killed", flush=True)
            total, killed = total + len(fates), killed + len(fates) - len(alive)
    print(f"\nall: {killed} of {total} mutants killed, {100 * killed / max(total, 1):.1f} %")
    return 0 if killed * 100 >= PROMISED * total > 0 else 1


def _break(module: str, *, copy: Path) -> dict[str, str]:
    """What became of every mutant of the module."""
    _copy(module, copy=copy)
    _run(["-c", GENERATE], folder=copy)
    mutants = _texts(copy / f"mutants/approvals/{module}.py")
    KEPT.mkdir(parents=True, exist_ok=True)
    fates = KEPT / f"{module}.jsonl"
    known = _known(fates)
    todo = {name: text for name, text in mutants.items() if known.get((name, text)) != "killed"}
    (copy / "todo.json").write_text(json.dumps({"mutants": todo, "fates": str(fates)}))
    tests = [f"tests/approvals/test_{name}.py" for name in JUDGES[module]]
    if todo:
        _run(["-m", "pytest", "-p", "tests.mutation.loop", "-p", "no:cacheprovider", *tests], folder=copy / "mutants")
    known = _known(fates)
    return {name: known[name, text] for name, text in mutants.items()}


def _copy(module: str, *, copy: Path) -> None:
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, copy / file)
    others = "\n  ".join([*FOLDERS[1:], *FILES])
    (copy / "setup.cfg").write_text(SETTINGS.format(module=module, others=others))


def _texts(file: Path) -> dict[str, str]:
    """Each mutant of a module, and a digest of what it is: a function that was changed has other mutants."""
    mutants = json.loads(file.with_suffix(".py.meta").read_text())["exit_code_by_key"]
    lines = file.read_text().splitlines()
    found = _functions(ast.parse("\n".join(lines)))
    functions = {node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in found}
    return {name: hashlib.sha256(functions[name.rpartition(".")[2]].encode()).hexdigest()[:12] for name in mutants}


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _known(fates: Path) -> dict[tuple[str, str], str]:
    """The last word on each mutant."""
    lines = fates.read_text().splitlines() if fates.exists() else []
    return {(name, text): fate for name, text, fate in map(json.loads, lines)}


def _run(command: list[str], *, folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    if code := subprocess.run([sys.executable, *command], cwd=folder, env=environment).returncode:
        raise SystemExit(code)


def _change(name: str, *, copy: Path) -> list[str]:
    command = [sys.executable, "-m", "mutmut", "show", name]
    shown = subprocess.run(command, cwd=copy, capture_output=True, text=True).stdout.splitlines()
    return [f"  {line}" for line in shown if line.startswith(("-", "+")) and not line.startswith(("---", "+++"))]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
