"""Data behind published calibration figures."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from medtransfer.evaluation.positive import Positive, ascending


def calibration_curves() -> Positive:
    """CalibrationCurves: a logistic model of the training data, on the test data."""
    folder = os.environ.get("MEDTRANSFER_DATA")
    if not folder:
        pytest.skip("MEDTRANSFER_DATA is not set")
    train, test = (pd.read_csv(Path(folder) / "reference" / f"calibration_{name}.csv") for name in ("train", "test"))
    columns = ["x1", "x2", "x3", "x4"]
    model = sm.GLM(train["y"], sm.add_constant(train[columns]), family=sm.families.Binomial()).fit(tol=1e-12)
    p = np.asarray(model.predict(sm.add_constant(test[columns])))
    return ascending((test["y"] == 1).to_numpy(), p, np.arange(len(test)))


def cancer() -> Positive:
    """dcurves: a cancer risk fitted to the very patients."""
    with resources.as_file(resources.files("dcurves") / "data" / "df_binary.csv") as path:
        table = pd.read_csv(path)
    p = table["cancerpredmarker"].to_numpy(dtype=np.float64)
    return ascending(table["cancer"].to_numpy() == 1, p, np.arange(len(table)))


def simulated(n: int, *, seed: int, slope: float = 1.0, each: int = 1, mean: float = -1.0) -> Positive:
    """Probabilities whose calibration slope is 1/`slope`, so many studies a patient."""
    generator = np.random.default_rng(seed)
    x = generator.normal(mean, 1.3, size=n)
    truth = generator.random(n) < 1 / (1 + np.exp(-x))
    return ascending(truth, 1 / (1 + np.exp(-slope * x)), np.arange(n) // each)
