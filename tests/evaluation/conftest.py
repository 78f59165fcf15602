"""Predictions to evaluate: a hundred patients, two thirds of them with two studies."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medtransfer.core.results import Estimate, OperatingPoint, Predictions

BUNDLE = "b" * 64


@pytest.fixture(scope="session")
def asah() -> pd.DataFrame:
    """pROC's aSAH data; a poor outcome is the positive class."""
    folder = os.environ.get("MEDTRANSFER_DATA")
    if not folder:
        pytest.skip("MEDTRANSFER_DATA is not set")
    return pd.read_csv(Path(folder) / "reference" / "asah.csv")


@pytest.fixture
def operating_point() -> OperatingPoint:
    estimate = Estimate(name="sensitivity", value=0.9, low=0.8, high=0.95, method="Wilson", n=50)
    return OperatingPoint(
        rule="sensitivity",
        goal=0.9,
        threshold=0.4,
        positive="pneumonia",
        chosen_on="validation",
        sensitivity=estimate,
        specificity=estimate.model_copy(update={"name": "specificity"}),
    )


@pytest.fixture
def predictions(operating_point: OperatingPoint) -> Predictions:
    generator = np.random.default_rng(1)
    patient = np.sort(generator.integers(0, 100, size=160))
    truth = generator.random(160) < 0.35
    p = 1 / (1 + np.exp(-(generator.normal(size=160) + 2 * truth - 1)))
    table = pd.DataFrame(
        {
            "study_id": [f"s{i:03d}" for i in range(160)],
            "patient_id": [f"{i:03d}" for i in patient],
            "site": "north",
            "split": "test",
            "truth": np.where(truth, "pneumonia", "normal"),
            "probability_normal": 1 - p,
            "probability_pneumonia": p,
            "decision": np.where(p >= operating_point.threshold, "pneumonia", "not pneumonia"),
            "flags": "",
            "bundle_sha256": BUNDLE,
            "status": "read",
            "error": "",
        }
    )
    table.loc[0, "truth"] = ""
    for row, status, error in [
        (1, "failed", "Truncated: 512 bytes are missing"),
        (2, "failed", "Truncated: 3 bytes are missing"),
        (3, "excluded", "NotAnImage: structured report"),
        (4, "excluded", ""),
    ]:
        table.loc[row, ["probability_normal", "probability_pneumonia"]] = np.nan
        table.loc[row, ["decision", "status", "error"]] = ["", status, error]
    return Predictions(
        table=table,
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        operating_point=operating_point,
        bundle_sha256=BUNDLE,
    )


Change = Callable[..., Predictions]


@pytest.fixture
def changed(predictions: Predictions) -> Change:
    """`changed(column=(row, value))`: the predictions with single cells overwritten."""

    def change(**cells: tuple[int, str | float]) -> Predictions:
        table = predictions.table.copy()
        for column, (row, value) in cells.items():
            table.loc[row, column] = value
        return replace(predictions, table=table)

    return change
