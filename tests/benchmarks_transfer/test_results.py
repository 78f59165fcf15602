"""Rows: whole, once, in one order, and enough to compute every figure again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit

from benchmarks.transfer.cells import Cell, cells, matches, only_of, tuned_by
from benchmarks.transfer.cohorts import linked
from benchmarks.transfer.fitting import planned_epochs
from benchmarks.transfer.methods import (
    BACKBONES,
    FINE_TUNE,
    FIRST,
    METHODS,
    NONE,
    SECOND,
    SMOKE,
    SOURCE_ONLY,
    WHOLE,
    settings_digest,
)
from benchmarks.transfer.results import (
    CELL_COLUMNS,
    TRIAL_COLUMNS,
    Results,
    cell_of,
    current,
    log_odds_of,
    packed,
    unpacked,
)

CELL = Cell(cohort="brain_mri", source="", budget="10", backbone=FIRST, method="bss", seed=3)


def row_of(cell: Cell, **more: object) -> dict[str, object]:
    key = {name: getattr(cell, name) for name in ("cohort", "source", "budget", "backbone", "method", "seed")}
    rest = dict.fromkeys({*CELL_COLUMNS, *TRIAL_COLUMNS} - set(key), "1")
    return {**rest, **key, "settings": settings_digest(cell.method, cell.backbone), **more}


@given(arrays(np.float64, st.integers(0, 40), elements=st.floats(-60, 60)))
def test_scores_survive_to_the_thousandth(log_odds: np.ndarray) -> None:
    kept = unpacked(packed(log_odds))
    assert np.abs(kept - np.clip(log_odds, -32.767, 32.767)).max(initial=0) <= 0.5e-3 + 1e-9
    assert np.array_equal(unpacked(packed(kept)), kept)


def test_log_odds_are_finite_and_keep_the_order() -> None:
    probability = np.array([0.0, 1e-9, 0.2, 0.5, 0.9, 1 - 1e-9, 1.0])
    found = log_odds_of(probability)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert expit(found)[1:-1] == pytest.approx(probability[1:-1], abs=3e-4)


def test_a_row_is_replaced_by_its_successor(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.add_cell(row_of(CELL, auroc="0.5"), np.array([1.0, -1.0]))
    results.add_cell(row_of(CELL, auroc="0.75"), np.array([0.25, -1.0]))
    (row,) = results.cells()
    assert row["auroc"] == "0.75"
    assert results.scores()[cell_of(row)].tolist() == [0.25, -1.0]
    assert cell_of(row) == CELL


def test_rows_do_not_depend_on_the_order_of_work(tmp_path: Path) -> None:
    others = [CELL, *(Cell(**{**CELL.setting.__dict__, "method": name}, seed=1) for name in ("delta", "scratch"))]
    for name, order in (("a", others), ("b", others[::-1])):
        for cell in order:
            Results(tmp_path / name).add_cell(row_of(cell), np.zeros(2))
    for file in ("cells.csv", "scores.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_rows_of_other_settings_do_not_count(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.add_cell(row_of(CELL), np.zeros(2))
    assert current(results.cells()) == results.cells()
    assert current(results.cells(), SMOKE) == []
    results.add_cell(row_of(CELL, settings="of yesterday"), np.zeros(2))
    assert current(results.cells()) == []


def test_the_locked_test_cannot_change(tmp_path: Path) -> None:
    results = Results(tmp_path)
    cases = pd.DataFrame({"study": ["a", "b"], "patient": [0, 1], "truth": [1, 0]})
    results.lock_cases("x", cases)
    results.lock_cases("y", cases)
    results.lock_cases("x", cases.copy())
    pd.testing.assert_frame_equal(results.cases()["x"], cases)
    with pytest.raises(ValueError, match="not those of"):
        results.lock_cases("x", cases.assign(truth=[1, 1]))


def test_every_cell_is_there_once() -> None:
    found = cells(FIRST)
    assert len(set(found)) == len(found)
    alone = sum(not method.source for method in METHODS.values())
    shared = sum(method.source for method in METHODS.values()) - 1
    assert len(found) == 5 * (3 * 3 * alone + 2 * (2 * shared + 1))
    assert {cell.budget for cell in found if cell.method == SOURCE_ONLY} == {NONE}
    assert [cell.seed for cell in found] == sorted(cell.seed for cell in found)
    assert not {cell.seed for cell in found} & {seed for b in BACKBONES.values() for seed in b.tuning_seeds}


def test_what_sees_the_source_alone_is_tuned_there() -> None:
    setting = next(cell for cell in cells(FIRST) if cell.method == SOURCE_ONLY).setting
    tuned = tuned_by(setting)
    assert (tuned.cohort, tuned.source, tuned.method) == (setting.source, "", FINE_TUNE)


def test_a_cohort_is_tuned_at_one_budget() -> None:
    for backbone in (FIRST, SECOND):
        assert {tuned_by(cell.setting).budget for cell in cells(backbone)} == {BACKBONES[backbone].tuned_at}
    tuned = tuned_by(CELL.setting)
    assert (tuned.cohort, tuned.source, tuned.method) == (CELL.cohort, CELL.source, CELL.method)


def test_only_names_keys_and_values() -> None:
    only = only_of("cohort=brain_mri,method=bss/delta")
    assert matches(CELL, only)
    assert not matches(CELL, only_of("seed=4"))
    assert matches(CELL, only_of(""))
    with pytest.raises(ValueError, match="the keys are"):
        only_of("colour=red")


def test_the_settings_digest_follows_what_matters() -> None:
    assert settings_digest("bss", FIRST) != settings_digest("delta", FIRST)
    assert settings_digest("bss", FIRST) != settings_digest("bss", SECOND)
    assert settings_digest("bss", FIRST) != settings_digest("bss", FIRST, SMOKE)
    assert settings_digest("bss", FIRST) == settings_digest("bss", FIRST, WHOLE)


@pytest.mark.parametrize(("studies", "epochs"), [(20, 300), (100, 100), (2805, 5), (600, 17)])
def test_the_planned_epochs_hold_the_steps(studies: int, epochs: int) -> None:
    backbone = BACKBONES[FIRST]
    found = planned_epochs(METHODS[FINE_TUNE], backbone, studies, 1)
    assert found == epochs
    assert found * max(1, studies // backbone.batch) >= 300


def test_groups_that_share_a_picture_are_one() -> None:
    found = linked(list("abcdef"), [["a", "b"], ["d", "c"], ["b", "c"], ["e"]])
    assert len({found[name] for name in "abcd"}) == 1
    assert len(set(found.values())) == 3
