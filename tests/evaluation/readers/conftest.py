"""Three readers of the studies that were predicted, two of them careful, the third not."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medtransfer.core.results import Predictions
from medtransfer.evaluation.readers.ratings import Ratings
from medtransfer.evaluation.readers.truth import TruthTable, read_truth

Rows = Sequence[Sequence[str]]
Written = Callable[..., TruthTable]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """`written(rows, columns=…, classes=…, task=…)`: the truth table of such rows."""

    def write(rows: Rows, **asked: object) -> TruthTable:
        columns = asked.pop("columns", ("study_id", "reader", "truth"))
        classes = asked.pop("classes", ("normal", "pneumonia"))
        task = asked.pop("task", "multiclass")
        path = tmp_path / "truth.csv"
        pd.DataFrame(rows, columns=columns).to_csv(path, index=False)  # pyright: ignore[reportArgumentType]
        return read_truth(path, classes, task, **asked)  # pyright: ignore[reportArgumentType]

    return write


@pytest.fixture
def three_readers(predictions: Predictions, written: Written) -> TruthTable:
    generator = np.random.default_rng(3)
    rows = []
    for study, truth in zip(predictions.table["study_id"], predictions.table["truth"], strict=True):
        other = "normal" if truth == "pneumonia" else "pneumonia"
        for reader, error in (("anna", 0.05), ("bo", 0.05), ("cy", 0.4)):
            said = other if generator.random() < error else (truth or "normal")
            rows.append((study, reader, "uncertain" if generator.random() < 0.08 else said))
    rows += [("elsewhere", "anna", "normal"), ("elsewhere", "bo", "")]
    return written(rows)


@pytest.fixture(scope="session")
def vandyke() -> Ratings:
    """Five readers, two modalities, 114 cases (Van Dyke et al. 1993)."""
    folder = os.environ.get("MEDTRANSFER_DATA")
    if not folder:
        pytest.skip("MEDTRANSFER_DATA is not set")
    read = pd.read_csv(Path(folder) / "reference" / "vandyke.csv")
    names = {"reader": "reader", "case": "case", "treatment": "modality"}
    table = read[list(names)].astype(str).rename(columns=names).assign(score=read["rating"].astype(float))
    return Ratings(table=table, truth=dict(zip(table["case"], read["truth"] == 1, strict=True)))
