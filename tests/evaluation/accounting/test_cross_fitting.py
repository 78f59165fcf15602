from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medtransfer.evaluation.accounting.cross_fitting import cross_fitted_auroc, dealt


@given(st.integers(10, 60), st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_no_patient_is_in_two_folds_and_every_fold_has_both_classes(patients: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, patients, 4 * patients)
    truth = generator.random(groups.size) < 0.5
    truth[np.isin(groups, np.unique(groups)[:10])] = True
    fold = dealt(truth, groups, folds=5, seed=seed)
    assert all(np.unique(fold[groups == g]).size == 1 for g in np.unique(groups))
    sizes = [np.unique(groups[fold == k]).size for k in range(5)]
    assert max(sizes) - min(sizes) <= 1
    if np.unique(groups[~truth]).size >= 10:
        assert all(truth[fold == k].any() and not truth[fold == k].all() for k in range(5))


def test_a_planted_signal_is_found_and_an_absent_one_is_not() -> None:
    generator = np.random.default_rng(0)
    truth = np.arange(400) % 2 == 0
    noise = generator.normal(size=(400, 20))
    found = cross_fitted_auroc("x", noise + 0.5 * truth[:, None] * (np.arange(20) == 3), truth, np.arange(400), seed=0)
    absent = cross_fitted_auroc("x", noise, truth, np.arange(400), seed=0)
    assert found.low is not None
    assert found.low > 0.5
    assert absent.low is not None
    assert absent.high is not None
    assert absent.low < 0.5 < absent.high


def test_a_patient_is_never_recognised() -> None:
    """Each patient has a face of his own and a truth of his own: only who saw him before can tell."""
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(80), 10)
    faces = generator.normal(size=(80, 40))[groups]
    truth = (np.arange(80) % 2 == 0)[groups]
    found = cross_fitted_auroc("face", faces, truth, groups, seed=0)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high


def test_what_tells_everything_has_an_interval_too() -> None:
    truth = np.arange(60) % 2 == 0
    found = cross_fitted_auroc("x", truth[:, None].astype(float), truth, np.arange(60), seed=0)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low is not None
    assert 0.8 < found.low < 1


def test_constant_columns_and_no_columns_tell_nothing() -> None:
    truth = np.arange(100) % 2 == 0
    for values in (np.ones((100, 3)), np.full((100, 1), 1e9), np.empty((100, 0))):
        assert cross_fitted_auroc("x", values, truth, np.arange(100), seed=0).value == 0.5


def test_few_patients_are_not_estimable() -> None:
    truth = np.arange(100) < 50
    found = cross_fitted_auroc("x", np.ones((100, 1)), truth, np.minimum(np.arange(100), 52), seed=0)
    assert found.value is None
    assert "fewer than 10 patients" in found.note


@pytest.mark.slow
def test_without_a_signal_the_mean_is_a_half_and_the_interval_covers_it() -> None:
    """300 cohorts of 60 patients with two studies each and 64 values that say nothing.

    Pooled over folds, the same scores would be below ½ on average.
    """
    found = []
    for seed in range(300):
        generator = np.random.default_rng(seed)
        groups = np.repeat(np.arange(60), 2)
        truth = (generator.random(60) < 0.4)[groups]
        values = np.repeat(generator.normal(size=(60, 64)), 2, axis=0) + 0.1 * generator.normal(size=(120, 64))
        found.append(cross_fitted_auroc("x", values, truth, groups, seed=seed))
    values = np.array([one.value for one in found])
    assert values.mean() == pytest.approx(0.5, abs=0.015)
    covered = [one.low <= 0.5 <= one.high for one in found if one.low is not None and one.high is not None]
    assert np.mean(covered) >= 0.88


@pytest.mark.real_data
def test_a_thumbnail_tells_pneumonia_from_normal_on_the_nih_radiographs() -> None:
    """About .845, as the cohort's own caveat says; shuffled among patients, nothing."""
    data = os.environ.get("MEDTRANSFER_DATA")
    if not data:
        pytest.skip("MEDTRANSFER_DATA is not set")
    root = Path(data) / "cohorts/nih_cxr"
    table = pd.read_csv(root / "cohort.csv", dtype=str)
    thumbnails = np.stack([_tiles(root / path).ravel() for path in table["path"]])
    truth = (table["label"] == "pneumonia").to_numpy(dtype=bool)
    groups = pd.factorize(table["patient_id"])[0].astype(np.int64)
    found = cross_fitted_auroc("thumbnail", thumbnails, truth, groups, seed=0)
    assert found.value == pytest.approx(0.845, abs=0.02)
    assert found.low is not None
    assert found.low > 0.8
    shuffled = np.random.default_rng(0).permutation(truth)
    none = cross_fitted_auroc("thumbnail", thumbnails, shuffled, np.arange(truth.size), seed=0)
    assert none.low is not None
    assert none.high is not None
    assert none.low < 0.5 < none.high


def _tiles(path: Path) -> np.ndarray:
    """Means of 8 × 8 tiles."""
    with Image.open(path) as picture:
        grey = np.asarray(picture.convert("L"), dtype=np.float64)
    rows, columns = grey.shape[0] // 8, grey.shape[1] // 8
    return grey[: 8 * rows, : 8 * columns].reshape(8, rows, 8, columns).mean(axis=(1, 3))
