"""Cohorts with attributes and pictures, made to order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from medtransfer.core.results import Predictions

Made = Callable[..., Predictions]


@pytest.fixture(scope="session")
def made() -> Made:
    return make


def make(
    truth: Sequence[str] | np.ndarray,
    probability: np.ndarray,
    *,
    patients: Sequence[str] | np.ndarray | None = None,
    attributes: Mapping[str, Sequence[str]] | None = None,
    features: pd.DataFrame | None = None,
    prefix: str = "s",
    **columns: Sequence[str],
) -> Predictions:
    """Predictions of `normal` against `pneumonia`, all read; further columns as they are given."""
    n = len(truth)
    p = np.asarray(probability, dtype=float)
    names = [f"{prefix}{i:06d}" for i in range(n)]
    table = pd.DataFrame(
        {
            "study_id": names,
            "patient_id": names if patients is None else list(patients),
            "site": "north",
            "date": "",
            "split": "test",
            "truth": list(truth),
            "probability_normal": 1 - p,
            "probability_pneumonia": p,
            "decision": "",
            "flags": "",
            "bundle_sha256": "b" * 64,
            "status": "read",
            "error": "",
        }
        | {name: list(cells) for name, cells in columns.items()}
        | {f"attribute_{name}": list(cells) for name, cells in (attributes or {}).items()}
    )
    return Predictions(
        table=table,
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        operating_point=None,
        bundle_sha256="b" * 64,
        features=features,
    )
