"""Rows that are kept in git: one a cell, one a tuning fit, and what each cell said of every test study.

    cells.csv     what was measured, one row a cell
    tuning.csv    one row a tuning fit
    scores.csv    log-odds of every test study, in thousandths, 16 bits each, base64
    cases.csv     the test studies in the order of the scores: patient (a number) and truth

A row is there whole or not at all, and a cell counts as done when its row stands in `cells.csv`. Several processes
may fill the same files: each rereads them under a lock before it adds a row. Figures are measured on the log-odds
as they are kept, so that every one of them can be computed again from these files alone.
"""

from __future__ import annotations

import base64
import csv
import fcntl
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float64
from scipy.special import logit

from benchmarks.transfer.cells import Cell, Trial
from benchmarks.transfer.methods import BACKBONES, METHODS, WHOLE, Study, settings_digest
from medtransfer.core.files import write_text

SETTING = ("cohort", "source", "budget", "backbone", "method")
CELL = (*SETTING, "seed")
TRIAL = (*SETTING, "seed", "learning_rate", "times", "strength")
CELL_COLUMNS = (
    *CELL, "size", "learning_rate", "strength", "steps", "auroc", "log_loss", "train_studies", "test_studies",
    "test_patients", "groups", "seconds", "settings", "commit",
)  # fmt: skip
TRIAL_COLUMNS = (*TRIAL, "steps", "auroc", "log_loss", "train_studies", "studies", "seconds", "settings")
SCORE_COLUMNS = (*CELL, "log_odds")
CASE_COLUMNS = ("cohort", "study", "patient", "truth")

_STEP = 1e-3
_MOST = np.iinfo(np.int16).max * _STEP
_SMALLEST = 1e-15

Row = dict[str, str]
LogOdds = Float64[np.ndarray, " case"]


class Results:
    """The files in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def cells(self) -> list[Row]:
        """All rows of cells."""
        return _read(self.folder / "cells.csv")

    def trials(self) -> list[Row]:
        """All rows of tuning fits."""
        return _read(self.folder / "tuning.csv")

    def scores(self) -> dict[Cell, LogOdds]:
        """Log-odds of each cell."""
        return {cell_of(row): unpacked(row["log_odds"]) for row in _read(self.folder / "scores.csv")}

    def cases(self) -> dict[str, pd.DataFrame]:
        """The test studies of each cohort: `study`, `patient`, `truth`."""
        found: dict[str, list[Row]] = {}
        for row in _read(self.folder / "cases.csv"):
            found.setdefault(row["cohort"], []).append(row)
        return {
            name: pd.DataFrame(rows)[["study", "patient", "truth"]].astype({"patient": int, "truth": int})
            for name, rows in found.items()
        }

    def add_cell(self, row: Mapping[str, object], log_odds: LogOdds) -> None:
        """Keep a cell; its scores first, so that a row of `cells.csv` always has some."""
        with self._alone():
            scores = {**row, "log_odds": packed(log_odds)}
            _add(self.folder / "scores.csv", SCORE_COLUMNS, CELL, scores)
            _add(self.folder / "cells.csv", CELL_COLUMNS, CELL, row)

    def add_trial(self, row: Mapping[str, object]) -> None:
        """Keep a tuning fit."""
        with self._alone():
            _add(self.folder / "tuning.csv", TRIAL_COLUMNS, TRIAL, row)

    def lock_cases(self, cohort: str, cases: pd.DataFrame) -> None:
        """Keep a cohort's test studies, or make sure that they are those that were kept.

        Raises:
            ValueError: They are others.
        """
        with self._alone():
            kept = self.cases().get(cohort)
            if kept is None:
                rows = _read(self.folder / "cases.csv")
                rows += [{"cohort": cohort, **row} for row in cases.astype(str).to_dict("records")]
                _write(self.folder / "cases.csv", CASE_COLUMNS, rows)
            elif not kept.equals(cases.astype(dict.fromkeys(("patient", "truth"), int)).reset_index(drop=True)):
                msg = f"{cohort}: the test studies are not those of {self.folder / 'cases.csv'}"
                raise ValueError(msg)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def cell_of(row: Row) -> Cell:
    """The cell of a row."""
    return Cell(**{key: row[key] for key in SETTING}, seed=int(row["seed"]))


def trial_of(row: Row) -> Trial:
    """The tuning fit of a row."""
    return Trial(
        **{key: row[key] for key in SETTING},
        seed=int(row["seed"]),
        rate=float(row["learning_rate"]),
        times=int(row["times"]),
        strength=float(row["strength"]),
    )


def current(rows: Sequence[Row], study: Study = WHOLE) -> list[Row]:
    """Rows whose settings are still those of `methods.py`; the others are done again."""
    known = [row for row in rows if row["method"] in METHODS and row["backbone"] in BACKBONES]
    return [row for row in known if row["settings"] == settings_digest(row["method"], row["backbone"], study)]


def log_odds_of(probability: Float64[np.ndarray, " case"]) -> LogOdds:
    """Log-odds as they are kept: in thousandths, at most ±32.767."""
    exact = logit(np.clip(probability, _SMALLEST, 1 - _SMALLEST))
    return np.round(np.clip(exact, -_MOST, _MOST) / _STEP) * _STEP


def packed(log_odds: LogOdds) -> str:
    """Log-odds as text."""
    thousandths = np.round(np.clip(log_odds, -_MOST, _MOST) / _STEP).astype("<i2")
    return base64.b64encode(thousandths.tobytes()).decode("ascii")


def unpacked(text: str) -> LogOdds:
    """What `packed` was given."""
    return np.frombuffer(base64.b64decode(text), dtype="<i2").astype(np.float64) * _STEP


def _read(place: Path) -> list[Row]:
    if not place.exists():
        return []
    with place.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _add(place: Path, columns: Sequence[str], key: Sequence[str], row: Mapping[str, object]) -> None:
    """Add a row, or put it in the place of the one with the same key; rows stay sorted, so that commits stay small."""
    new = {column: str(row[column]) for column in columns}
    rows = {tuple(old[part] for part in key): old for old in _read(place)}
    rows[tuple(new[part] for part in key)] = new
    _write(place, columns, [rows[which] for which in sorted(rows)])


def _write(place: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(place, text.getvalue())
