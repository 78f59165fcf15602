"""Missing data: how many studies lack each column, by what became of them and by their true class.

Blank cells are missing; a word such as `unknown` is a value. Whether data are missing alike in all classes is what
decides how far complete cases stand for all.

Reference: Collins et al. 2024 (TRIPOD+AI), items 11 and 20c; Bossuyt et al. 2015 (STARD), items 15 and 16.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from medtransfer.core.evaluated.accounts import MissingRow, MissingTable
from medtransfer.core.results import ATTRIBUTE, PROBABILITY, UNCALIBRATED, Predictions
from medtransfer.data.targets import targets_of
from medtransfer.evaluation.cases import as_text, checked_table

_COLUMNS = ("truth", "patient_id", "site", "date", "split")
ALL, READ, NOT_READ, UNKNOWN_TRUTH = "all", "read", "not read", "read, truth unknown"


def missing_table(predictions: Predictions) -> MissingTable:
    """Count blank cells, column by column, over all inputs.

    Of several labels, `truth: <label>` is missing where nobody knows of that label, and a study that has several
    labels counts in the group of each.

    Raises:
        PredictionsError: The table cannot be trusted (`cases.checked_table`).
    """
    table = checked_table(predictions)
    groups = dict(_groups(table, predictions))
    return MissingTable(
        groups={name: int(members.sum()) for name, members in groups.items()},
        rows=tuple(
            MissingRow(name=name, missing={group: int((blank & members).sum()) for group, members in groups.items()})
            for name, blank in _blanks(table, predictions)
        ),
    )


def _groups(table: pd.DataFrame, predictions: Predictions) -> Iterator[tuple[str, np.ndarray]]:
    read = (table["status"] == "read").to_numpy()
    targets = targets_of(table["truth"], predictions.classes, predictions.task)
    yield ALL, np.ones(len(table), dtype=bool)
    yield NOT_READ, ~read
    yield READ, read
    for i, name in enumerate(predictions.classes):
        yield f"{READ}, {name}", read & (targets[:, i] == 1 if targets.ndim == 2 else targets == i)
    yield UNKNOWN_TRUTH, read & (table["truth"] == "").to_numpy()


def _blanks(table: pd.DataFrame, predictions: Predictions) -> Iterator[tuple[str, np.ndarray]]:
    """Every column's name as people call it, and where it is blank."""
    for name in _COLUMNS:
        yield name, _blank(table, name)
    if predictions.task == "multilabel":
        known = targets_of(table["truth"], predictions.classes, predictions.task)
        yield from ((f"truth: {name}", np.isnan(known[:, i])) for i, name in enumerate(predictions.classes))
    for name in map(str, table.columns):
        if name.startswith(ATTRIBUTE):
            yield name.removeprefix(ATTRIBUTE), _blank(table, name)
    for prefix, words in ((PROBABILITY, "probability"), (UNCALIBRATED, "probability before recalibration")):
        columns = [name for name in map(str, table.columns) if name.startswith(prefix)]
        if columns:
            yield words, np.asarray(table[columns].isna().any(axis=1), dtype=bool)


def _blank(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        return np.ones(len(table), dtype=bool)
    return np.array([not cell.strip() for cell in as_text(table[name])], dtype=bool)
