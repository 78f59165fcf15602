from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library of imported weights."""
    monkeypatch.setenv("MEDTRANSFER_WEIGHTS", str(tmp_path / "library"))
    return tmp_path / "library"
