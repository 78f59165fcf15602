"""The generator's modules can be imported here as `generate.py` imports them; and machines with fewer instructions."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE_DATA = Path(__file__).parents[2] / "sample_data"
sys.path.insert(0, str(SAMPLE_DATA))

_CHECK = "import numpy._core._multiarray_umath as u; assert not any(u.__cpu_features__[name] for name in {})"


@pytest.fixture(scope="session")
def on_a_plainer_machine() -> Callable[[str], str]:
    """Runs a program in a Python whose numpy uses none of the SIMD kernels that this machine would have it use."""
    umath = importlib.import_module("numpy._core._multiarray_umath")
    disabled = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name)]

    def run(program: str) -> str:
        environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(disabled), "PYTHONPATH": str(SAMPLE_DATA)}
        program = f"{_CHECK.format(disabled)}\n{program}"
        finished = subprocess.run(
            [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True, timeout=300
        )
        return finished.stdout.strip()

    return run
