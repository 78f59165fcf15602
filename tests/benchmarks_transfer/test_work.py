"""What is done next, by whom, and what the README says of it; on made-up rows, without a single fit."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.transfer.board import Block, board
from benchmarks.transfer.cells import Cell, Trial, cells
from benchmarks.transfer.methods import FINE_TUNE, FIRST, METHODS, WHOLE, settings_digest
from benchmarks.transfer.progress import remaining
from benchmarks.transfer.report import END, START, markdown, second_stage, write_tables
from benchmarks.transfer.results import CELL_COLUMNS, TRIAL_COLUMNS, Results, log_odds_of
from benchmarks.transfer.work import Workplace, claimed, is_done, waiting

CASES = 40
LIFT = {"regression": 0.5, "lp_ft": 1.5, "pooled": 1.0, "coral": -1.0}
"""How much better than plain fine-tuning the made-up scores are."""


def row_of(task: Cell | Trial, **more: object) -> dict[str, object]:
    rest: dict[str, object] = dict.fromkeys((*CELL_COLUMNS, *TRIAL_COLUMNS), "1")
    if isinstance(task, Trial):
        rest |= {"learning_rate": f"{task.rate:g}", "times": task.times, "strength": f"{task.strength:g}"}
    key = asdict(task.setting) | {"seed": task.seed}
    return rest | key | {"settings": settings_digest(task.method, task.backbone)} | more


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(data=tmp_path, out=tmp_path / "out", results=Results(tmp_path / "results"), study=WHOLE)


@pytest.fixture
def filled(place: Workplace) -> Workplace:
    """Every cell of three methods alone and three with a source, two seeds."""
    truth = np.arange(CASES) % 2
    for name in WHOLE.cohorts:
        cases = pd.DataFrame({"study": [f"s{i}" for i in range(CASES)], "patient": np.arange(CASES), "truth": truth})
        place.results.lock_cases(name, cases)
    methods = (FINE_TUNE, "regression", "lp_ft", "pooled", "coral", "source_only")
    for cell in cells(FIRST, study=replace(WHOLE, seeds=(0, 1)), methods=methods):
        noise = np.random.default_rng(cell.seed).normal(size=CASES)
        scores = noise + truth * (1 + LIFT.get(cell.method, 0.0))
        more = {"learning_rate": "0.001", "strength": "0", "log_loss": "0.5", "seconds": "60", "groups": "patients"}
        place.results.add_cell(row_of(cell, **more), log_odds_of(1 / (1 + np.exp(-scores))))
    return place


def test_a_cell_waits_for_its_rate(place: Workplace) -> None:
    cell = Cell(cohort="brain_mri", source="", budget="10", backbone=FIRST, method=FINE_TUNE, seed=0)
    trials = waiting(place, [cell, replace(cell, seed=1)])
    assert len(trials) == len(set(trials)) == len(WHOLE.rates) * 2
    for trial in trials:
        assert isinstance(trial, Trial)
        assert not is_done(place, trial)
        place.results.add_trial(row_of(trial, auroc="0.9" if trial.rate == WHOLE.rates[1] else "0.8"))
        assert is_done(place, trial)
    assert waiting(place, [cell, replace(cell, seed=1)]) == [cell, replace(cell, seed=1)]
    place.results.add_cell(row_of(cell), np.zeros(2))
    assert is_done(place, cell)
    assert waiting(place, [cell, replace(cell, seed=1)]) == [replace(cell, seed=1)]


def test_logistic_regression_waits_for_nothing(place: Workplace) -> None:
    cell = Cell(cohort="brain_mri", source="", budget="10", backbone=FIRST, method="regression", seed=0)
    assert waiting(place, [cell]) == [cell]


def test_a_task_is_one_processs_at_a_time(place: Workplace) -> None:
    cell = Cell(cohort="brain_mri", source="", budget="10", backbone=FIRST, method="bss", seed=0)
    with claimed(place, cell) as ours, claimed(place, cell) as theirs, claimed(place, replace(cell, seed=1)) as other:
        assert (ours, theirs, other) == (True, False, True)
    with claimed(place, cell) as again:
        assert again


def test_what_is_left_is_counted(place: Workplace, filled: Workplace) -> None:
    todo = cells(FIRST)
    assert remaining(filled, todo).splitlines()[-1].endswith("hours of one core")
    assert "regression" in remaining(place, todo)
    assert remaining(place, []).startswith("0.0 hours")


def test_gains_are_against_plain_fine_tuning_with_the_same_labels(filled: Workplace) -> None:
    measured = board(filled.results, replicates=200)
    alone, with_source = Block(FIRST, "nih_cxr", ""), Block(FIRST, "nih_cxr", "kermany_cxr")
    plain = measured.gain(alone, FINE_TUNE, "10")
    assert plain is not None
    assert plain.value == 0
    better, worse = measured.gain(alone, "lp_ft", "10"), measured.gain(with_source, "coral", "10")
    assert better is not None
    assert better.interval[0] > 0
    assert worse is not None
    assert worse.interval[1] < 0
    assert measured.gain(alone, "bss", "10") is None
    only = measured.setting(with_source, "source_only", "50")
    assert only is not None
    assert only.budget == "none"


def test_the_tables_say_what_was_measured(filled: Workplace) -> None:
    text = markdown(board(filled.results, replicates=200))
    for method in (FINE_TUNE, "regression", "lp_ft", "pooled", "coral", "source_only"):
        assert METHODS[method].title in text
    assert "2 of 5 seeds" in text
    assert "| kermany_cxr | LP-FT | **+" in text
    assert "Best over all of them: pooled" in text
    assert "nan" not in text


def test_the_second_stage_takes_baselines_and_the_best(filled: Workplace) -> None:
    assert second_stage(filled.results, count=1) == ["scratch", "regression", FINE_TUNE, "lp_ft"]
    assert "coral" not in second_stage(filled.results, count=2)


def test_tables_stand_between_the_marks(filled: Workplace, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{START}\nold\n{END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        write_tables(filled.results, readme, replicates=200)
        text = readme.read_text(encoding="utf-8")
        assert text.startswith("before\n")
        assert text.endswith("after\n")
        assert "old" not in text
        assert text.count("### kermany_cxr: ") == 1
    readme.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="lacks"):
        write_tables(filled.results, readme, replicates=200)


def test_no_rows_make_no_table(place: Workplace) -> None:
    assert markdown(board(place.results, replicates=200)) == "No rows yet.\n"
