"""The simulated cohorts are what the formulas say they are, and an interrupted run goes on where it stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import norm

from benchmarks import coverage
from benchmarks.coverage import BOOTSTRAPPED, GRID, PREVALENCE, SENSITIVITY, Cell, measured, simulated, true_ppv
from medtransfer.evaluation.calibration.weak import weak_calibration
from medtransfer.evaluation.metrics import auroc


@pytest.mark.parametrize("auc", [0.6, 0.95])
@pytest.mark.parametrize(("cluster", "correlation"), [(1, 0.0), (5, 0.5)])
def test_the_truth_in_closed_form(
    auc: float, cluster: int, correlation: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = Cell(40_000, auc, cluster, correlation)
    monkeypatch.setattr(coverage, "GRID", (cell,))
    one = simulated(cell, 0)
    view = one.view
    assert view.truth.mean() == pytest.approx(PREVALENCE, abs=0.005)
    assert auroc.measure(view.truth, view.probability) == pytest.approx(auc, abs=0.005)
    assert one.called[view.truth].mean() == pytest.approx(SENSITIVITY, abs=0.01)
    assert view.truth[one.called].mean() == pytest.approx(true_ppv(cell), abs=0.01)
    assert weak_calibration(view).slope.value == pytest.approx(1, abs=0.03)


def test_patients_are_correlated_as_stated() -> None:
    one = simulated(Cell(500, 0.8, 5, 0.5), 0).view
    delta = 2**0.5 * norm.ppf(0.8)
    score = (logit(one.probability) - logit(PREVALENCE) + delta**2 / 2) / delta - delta * one.truth
    by_patient = score[np.argsort(one.groups, kind="stable")].reshape(-1, 5)
    between, within = 5 * by_patient.mean(axis=1).var(ddof=1), by_patient.var(axis=1, ddof=1).mean()
    assert (between - within) / (between + 4 * within) == pytest.approx(0.5, abs=0.06)


def test_a_cohort_is_always_the_same_one() -> None:
    first, again, other = (simulated(GRID[5], number).view for number in (3, 3, 4))
    assert first.probability.tobytes() == again.probability.tobytes()
    assert first.probability.tobytes() != other.probability.tobytes()


def test_rows_add_up() -> None:
    row = measured((Cell(10, 0.95, 5, 0.5), "calibration slope", "analytic"), 60)
    assert row["with_interval"] == int(row["covered"]) + int(row["below"]) + int(row["above"])
    assert 40 <= int(row["with_interval"]) <= 60
    assert set(row) == set(coverage.COLUMNS)


def test_what_is_there_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.csv"
    words = ["coverage.py", "run", "--cells", "10 0.6 1 0", "--cohorts", "20", "--workers", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", [*words, "--measures", "AUROC"])
    assert coverage.main() == 0
    first = out.read_text()
    assert len(first.splitlines()) == 2
    monkeypatch.setattr(sys, "argv", [*words, "--measures", "AUROC", "PPV"])
    coverage.main()
    assert out.read_text().startswith(first)
    assert len(out.read_text().splitlines()) == 3
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["coverage.py", "table", "--out", str(out)])
    coverage.main()
    assert "| 10 | 0.6 | 1 | 0 |" in capsys.readouterr().out


def test_the_grid_is_the_published_one() -> None:
    assert len(GRID) == 60
    assert len(set(BOOTSTRAPPED)) == 6
    assert set(BOOTSTRAPPED) <= set(GRID)
