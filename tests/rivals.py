"""Predictions of rival models on the same studies: they share truth and patients, and part of their errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from medtransfer.core.results import Estimate, OperatingPoint, Predictions


def rival(
    letter: str, *, strength: float = 1.5, studies: int = 160, threshold: float | None = 0.4, own: float = 0.6
) -> Predictions:
    """A model that finds pneumonia.

    Args:
        letter: Its bundle's digest is made of it, and its own errors depend on it.
        strength: How much it knows.
        studies: How many; two thirds of the patients have several.
        threshold: Of its operating point, or None.
        own: Size of the errors that it does not share.
    """
    shared = np.random.default_rng(5)
    patient = np.sort(shared.integers(0, studies * 2 // 3, size=studies))
    truth = shared.random(studies) < 0.35
    noise = 0.8 * shared.normal(size=studies) + own * np.random.default_rng(ord(letter)).normal(size=studies)
    p = 1 / (1 + np.exp(-(noise + strength * truth - 1)))
    table = pd.DataFrame(
        {
            "study_id": [f"s{i:03d}" for i in range(studies)],
            "patient_id": [f"p{i:03d}" for i in patient],
            "site": "north",
            "split": "test",
            "truth": np.where(truth, "pneumonia", "normal"),
            "probability_normal": 1 - p,
            "probability_pneumonia": p,
            "decision": "" if threshold is None else np.where(p >= threshold, "pneumonia", "not pneumonia"),
            "flags": "",
            "bundle_sha256": letter * 64,
            "status": "read",
            "error": "",
        }
    )
    return Predictions(
        table=table,
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        operating_point=None if threshold is None else point(threshold),
        bundle_sha256=letter * 64,
    )


def point(threshold: float) -> OperatingPoint:
    """As a bundle locks it."""
    estimate = Estimate(name="sensitivity", value=0.9, low=0.8, high=0.95, method="Wilson", n=50)
    return OperatingPoint(
        rule="sensitivity",
        goal=0.9,
        threshold=threshold,
        positive="pneumonia",
        chosen_on="validation",
        sensitivity=estimate,
        specificity=estimate.model_copy(update={"name": "specificity"}),
    )


def unread(one: Predictions, rows: list[int], *, status: str = "failed") -> Predictions:
    """Some of its studies were not read."""
    table = one.table.copy()
    table.loc[rows, ["probability_normal", "probability_pneumonia"]] = np.nan
    table.loc[rows, ["decision", "status", "error"]] = ["", status, "Truncated: 3 bytes are missing"]
    return replace(one, table=table)


def without_truth(one: Predictions, rows: list[int]) -> Predictions:
    """Some of its studies have no truth."""
    table = one.table.copy()
    table.loc[rows, "truth"] = ""
    return replace(one, table=table)


def of_another_bundle(one: Predictions, letter: str) -> Predictions:
    """The same answers, said by another bundle."""
    return replace(one, bundle_sha256=letter * 64, table=one.table.assign(bundle_sha256=letter * 64))
