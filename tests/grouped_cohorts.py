"""Cohorts with attributes: a view in ascending order of probability, and its table in the same order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.evaluation.positive import Positive, ascending

Cohort = tuple[Positive, pd.DataFrame]

_ESTIMATE = Estimate(name="sensitivity", value=0.9, method="Wilson", n=50)
POINT = OperatingPoint(
    rule="sensitivity",
    goal=0.9,
    threshold=0.4,
    positive="pneumonia",
    chosen_on="validation",
    sensitivity=_ESTIMATE,
    specificity=_ESTIMATE.model_copy(update={"name": "specificity"}),
)


def cohort_of(truth: np.ndarray, probability: np.ndarray, patients: np.ndarray, **columns: object) -> Cohort:
    table = pd.DataFrame(columns, index=range(truth.size))
    order = np.argsort(probability, kind="stable")
    view = ascending(truth.astype(bool), probability.astype(float), patients.astype(np.int64))
    return view, table.iloc[order].reset_index(drop=True)


def drawn(
    seed: int,
    n: int = 600,
    *,
    patients: int | None = None,
    own: bool = True,
    separation: float = 1.5,
    share: float = 0.4,
) -> Cohort:
    """Sex, age and site at random; `own`: a patient has one sex and site, else each study has its own."""
    generator = np.random.default_rng(seed)
    patient = generator.integers(0, patients or n, n) if patients else np.arange(n)
    truth = generator.random(n) < share
    effect = generator.normal(size=patient.max() + 1)[patient] * (0.7 if patients else 0.0)
    p = 1 / (1 + np.exp(-(generator.normal(size=n) + effect + separation * truth - 0.8)))
    unit = patient if own else np.arange(n)
    sex = np.array(["F", "M"])[generator.integers(0, 2, n)[unit]]
    site = np.array(list("ABCDEFG"))[generator.integers(0, 7, n)[unit]]
    age = [f"{years:03d}Y" for years in generator.integers(20, 90, n)[unit]]
    return cohort_of(truth, p, patient, site=site, attribute_sex=sex, attribute_age=age)
