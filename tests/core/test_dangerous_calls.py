"""Nothing in our source runs what a file holds: no pickles, no evaluated text, no shell."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(file for room in ("medtransfer", "apps", "sample_data") for file in (ROOT / room).rglob("*.py"))

UNPICKLING = frozenset(
    {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
)
CALLS = frozenset(
    {
        "eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec", "os.system", "os.popen",
        "os.execv", "os.execvp", "subprocess.getoutput", "subprocess.getstatusoutput", "runpy.run_path",
        "yaml.load", "yaml.unsafe_load", "yaml.full_load", "pd.read_pickle", "pandas.read_pickle", "torch.save",
        "torch.hub.load", "torch.jit.load",
        "xml.etree.ElementTree.parse", "tarfile.open",
    }
)  # fmt: skip
METHODS = frozenset({"extractall", "read_pickle", "to_pickle"})
UNPICKLING_ERRORS = {"medtransfer/models/weights/load.py": {"pickle"}}
"""Who may import what for the names of its exceptions only."""


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def is_unsafe(call: ast.Call) -> bool:
    name, options = name_of(call.func), {word.arg: ast.unparse(word.value) for word in call.keywords}
    last = name.rpartition(".")[2]
    return (
        name in CALLS
        or (last in METHODS and "." in name)
        or (name == "torch.load" and options.get("weights_only") != "True")
        or (name in {"np.load", "numpy.load"} and options.get("allow_pickle", "False") != "False")
        or options.get("shell", "False") != "False"
    )


def dangers(tree: ast.AST) -> list[str]:
    """What of it could run what a file holds, as line and words."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno} import {alias.name}" for alias in node.names if alias.name in UNPICKLING]
        elif isinstance(node, ast.ImportFrom) and node.module in UNPICKLING:
            found.append(f"{node.lineno} import {node.module}")
        elif isinstance(node, ast.Call) and is_unsafe(node):
            found.append(f"{node.lineno} {name_of(node.func)}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_nothing_runs_what_a_file_holds(file: Path) -> None:
    place = file.relative_to(ROOT).as_posix()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = dangers(tree)
    if place in UNPICKLING_ERRORS:
        allowed = UNPICKLING_ERRORS[place]
        used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and name_of(node.value) in allowed]
        assert used
        assert {node.attr for node in used} == {"UnpicklingError"}
        found = [danger for danger in found if danger.partition(" import ")[2] not in allowed]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from joblib import load", "eval(x)", "exec(text)", "os.system(a)", "yaml.load(f)",
        "torch.load(p)", "torch.load(p, weights_only=False)", "torch.load(p, weights_only=flag)",
        "torch.hub.load(a, b)",
        "np.load(p, allow_pickle=True)", "np.load(p, allow_pickle=x)", "subprocess.run(a, shell=True)",
        "Popen(a, shell=flag)", "archive.extractall(p)", "frame.to_pickle(p)",
    ],
)  # fmt: skip
def test_the_search_finds(line: str) -> None:
    assert len(dangers(ast.parse(line))) == 1


@pytest.mark.parametrize(
    "line",
    ["model.eval()", "re.compile(x)", "torch.load(p, weights_only=True)", "np.load(p, allow_pickle=False)",
     "subprocess.run(a, check=False)", "subprocess.run(a, shell=False)", "import zlib"],
)  # fmt: skip
def test_the_search_lets_pass(line: str) -> None:
    assert dangers(ast.parse(line)) == []


def test_there_are_files_to_check() -> None:
    assert len(FILES) > 100
