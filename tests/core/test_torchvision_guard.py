"""Laws of the guard: torchvision can be imported, whatever build it is, and other errors pass."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from medtransfer.core import torchvision_guard

PROGRAM = """
from medtransfer.core.torchvision_guard import import_torchvision
first = import_torchvision()
assert import_torchvision() is first
import torchvision
assert torchvision is first
import torch
network = torchvision.models.squeezenet1_1(weights=None).eval()
assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
torch.ops.torchvision.nms
"""


def test_torchvision_imports_without_a_warning() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr


class _Imports:
    """Stands for importlib: raises what it is given, then imports."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.module = ModuleType("torchvision")

    def import_module(self, name: str) -> ModuleType:
        assert name == "torchvision"
        if self.errors:
            raise self.errors.pop(0)
        return self.module


def _unpatched() -> Any:
    return torchvision_guard.import_torchvision.__wrapped__


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ModuleNotFoundError("No module named 'torchvision'")])
def test_other_errors_pass(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(torchvision_guard, "importlib", _Imports(error))
    with pytest.raises(type(error), match=str(error)):
        _unpatched()()


def test_missing_operators_are_declared_and_the_import_is_tried_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    imports = _Imports(RuntimeError("operator torchvision::nms does not exist"))
    done: list[str] = []
    monkeypatch.setattr(torchvision_guard, "importlib", imports)
    monkeypatch.setattr(torchvision_guard, "_forget", lambda package: done.append(f"forget {package}"))
    monkeypatch.setattr(torchvision_guard, "_declare_operators", lambda: done.append("declare"))
    assert _unpatched()() is imports.module
    assert done == ["forget torchvision", "declare"]


def test_a_half_imported_package_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("halfpackage", "halfpackage.part", "halfpackages"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    torchvision_guard._forget("halfpackage")
    assert [name for name in sys.modules if name.startswith("halfpackage")] == ["halfpackages"]
