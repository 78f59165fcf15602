"""Laws of imports: torch and other heavy packages are loaded by the rooms that need them, and by no others."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import medtransfer

ROOT = Path(medtransfer.__file__).parent
TORCHLESS_ROOMS = ("core", "data", "evaluation", "decision")
WITH_TORCH = {"medtransfer.data.dataset", "medtransfer.data.augment", "medtransfer.data.tensors"}


def modules(room: str) -> list[str]:
    names = (".".join(file.relative_to(ROOT.parent).with_suffix("").parts) for file in (ROOT / room).rglob("*.py"))
    return sorted({name.removesuffix(".__init__") for name in names} - WITH_TORCH)


def run(program: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("names", "forbidden"),
    [
        (
            ["medtransfer", "medtransfer.cli.main", "medtransfer.core.config.toml"],
            ["torch", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "pydicom", "PIL", "streamlit"],
        ),
        (
            [
                *(name for room in TORCHLESS_ROOMS for name in modules(room)),
                "medtransfer.models.bundle",
                "medtransfer.prediction.predict",
            ],
            ["torch", "torchvision", "lightning_fabric", "streamlit"],
        ),
    ],
    ids=["the command line's first step", "rooms without torch"],
)
def test_imports_load_nothing_heavier_than_they_need(names: list[str], forbidden: list[str]) -> None:
    assert len(names) >= 3
    run(
        f"import importlib, sys\nfor name in {names!r}:\n    importlib.import_module(name)\n"
        f"    loaded = [heavy for heavy in {forbidden!r} if heavy in sys.modules]\n"
        "    assert not loaded, f'{name} loads {loaded}'\n"
    )


def test_public_names_are_all_there_and_listed() -> None:
    for name in medtransfer.__all__:
        assert getattr(medtransfer, name).__doc__
    assert set(medtransfer.__all__) <= set(dir(medtransfer))
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        getattr(medtransfer, "nothing_of_the_kind")  # noqa: B009  (pyright knows the names)


def test_packages_import_nothing() -> None:
    for init in ROOT.rglob("__init__.py"):
        if init.parent != ROOT:
            tree = ast.parse(init.read_text(encoding="utf-8"))
            assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)], init


SHAPES = {"medtransfer.core.types", "medtransfer.data.tensors"}


@pytest.mark.parametrize("room", [*TORCHLESS_ROOMS, "models", "transfer", "prediction", "training"])
def test_shapes_are_imported_for_good_so_that_they_are_checked(room: str) -> None:
    """beartype skips an annotation whose name it cannot find: under TYPE_CHECKING no shape would ever be checked."""
    for file in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                hidden = {inner.module for inner in ast.walk(node) if isinstance(inner, ast.ImportFrom)} & SHAPES
                assert not hidden, f"{file} imports {hidden} under TYPE_CHECKING"
