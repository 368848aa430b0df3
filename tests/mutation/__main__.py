"""Break the promise's three modules in every small way, and count what the tests notice.

`uv run --with mutmut~=3.8 python -m tests.mutation [quorum] [digests] [decisions]` works on a copy of the tree.
mutmut makes the mutants; they are tried in one process on one database (`tests.mutation.loop`), for its own way, a
new set-up of Django for each, takes half an hour. The pure modules are judged by their own pure tests alone. It
ends with the survivors, each with what was changed, and the figure. Exit 1 under the promised share.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

#: What must be noticed, in percent.
PROMISED = 90
ROOT = Path(__file__).parents[2]
FOLDERS = ("approvals", "agents", "hitl_site", "templates", "static", "tests")
FILES = ("manage.py", "README.md", "pyproject.toml")
#: Which tests judge which module.
JUDGES = {
    "quorum": ("quorum",),
    "digests": ("digests",),
    "decisions": ("decisions", "answers", "sign_off", "weighing", "confirmations", "grants"),
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


def main(modules: list[str]) -> int:
    """Break each module in turn and print what was not noticed. Returns the exit code."""
    total = killed = 0
    with tempfile.TemporaryDirectory(prefix="countersign-mutants-") as home:
        for module in modules or JUDGES:
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
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, copy / file)
    others = "\n  ".join([*FOLDERS[1:], *FILES])
    (copy / "setup.cfg").write_text(SETTINGS.format(module=module, others=others))
    _run(["-c", GENERATE], folder=copy)
    names = json.loads((copy / f"mutants/approvals/{module}.py.meta").read_text())["exit_code_by_key"]
    (copy / "names.json").write_text(json.dumps(list(names)))
    tests = [f"tests/approvals/test_{name}.py" for name in JUDGES[module]]
    _run(["-m", "pytest", "-p", "tests.mutation.loop", "-p", "no:cacheprovider", *tests], folder=copy / "mutants")
    return dict(json.loads((copy / "fates.json").read_text()))


def _run(command: list[str], *, folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    ran = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(ran.stdout[-4000:] + ran.stderr[-4000:])


def _change(name: str, *, copy: Path) -> list[str]:
    command = [sys.executable, "-m", "mutmut", "show", name]
    shown = subprocess.run(command, cwd=copy, capture_output=True, text=True).stdout.splitlines()
    return [f"  {line}" for line in shown if line.startswith(("-", "+")) and not line.startswith(("---", "+++"))]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
