"""`medtransfer rate`: a sweep on a plan, written as a page, a table and a suggestion."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import medtransfer as mt
from medtransfer.cli.main import main
from medtransfer.core.config.toml import write_toml


@pytest.fixture(scope="module")
def swept(quick_plan: mt.Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rate")
    write_toml(quick_plan, folder / "plan.toml")
    words = ["rate", folder / "plan.toml", "--out", folder / "rate", "--steps", "24", "--low", "1e-5", "--quiet"]
    assert main([str(word) for word in words]) == 0
    return folder / "rate"


def test_the_rates_grow_by_the_same_factor_until_the_loss_explodes(swept: Path) -> None:
    table = pd.read_csv(swept / "rates.csv")
    factors = table["rate"].to_numpy()[1:] / table["rate"].to_numpy()[:-1]
    assert factors == pytest.approx(factors[0])
    assert len(table) >= 5
    assert table["loss"].nunique() > 1, "the network was trained"


def test_what_is_said_is_what_is_written(swept: Path) -> None:
    said = json.loads((swept / "rates.json").read_text(encoding="utf-8"))
    assert set(said) == {"schema_version", "rate", "valley", "steepest", "reason"}
    page = (swept / "rates.html").read_text(encoding="utf-8")
    assert ("Suggested learning rate" in page) == (said["rate"] is not None)
    assert "<svg" in page


def test_rates_that_make_no_sweep_are_refused(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rate", swept.parent / "plan.toml", "--out", swept.parent / "none", "--low", "1", "--high", "0.1"]
    assert main([str(word) for word in words]) == 2
    assert "→" in capsys.readouterr().err
