from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from medtransfer.core.evaluated.calibration import Calibrations
from medtransfer.evaluation.calibration.one_finding import calibration
from medtransfer.evaluation.calibration.several_findings import calibrations
from medtransfer.evaluation.positive import ascending

CLASSES = ("a", "b", "c")


def cohort(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    p = softmax(generator.normal(size=(n, 3)), axis=1)
    truth = (generator.random((n, 1)) > np.cumsum(p, axis=1)).sum(axis=1).clip(max=2)
    return truth.astype(np.int64), p, np.arange(n) // 2


def test_each_class_is_what_it_is_by_itself() -> None:
    truth, p, groups = cohort(400)
    found = calibrations(truth, p, groups, classes=CLASSES, seed=0, replicates=200)
    for k, one in enumerate(found.findings):
        alone = calibration(ascending(truth == k, p[:, k], groups), of=CLASSES[k], seed=0, replicates=200)
        assert one.slope == alone.slope
        assert [each.value for each in one.estimates()] == [each.value for each in alone.estimates()]
        assert one.bins == alone.bins
    assert found.classwise_error.value == pytest.approx(
        np.mean([one.errors[0].expected.value or 0 for one in found.findings]), abs=1e-12
    )
    assert Calibrations.model_validate_json(found.model_dump_json()) == found


def test_right_probabilities_of_all_classes() -> None:
    truth, p, groups = cohort(6000, seed=3)
    found = calibrations(truth, p, groups, classes=CLASSES, seed=0, replicates=200)
    assert found.classwise_error.value is not None
    assert found.classwise_error.value < 0.02
    for one in found.findings:
        assert one.slope.low is not None
        assert one.slope.high is not None
        assert one.slope.low < 1.02
        assert one.slope.high > 0.98


def test_labels_count_where_they_are_known() -> None:
    generator = np.random.default_rng(1)
    p = generator.uniform(0.1, 0.9, size=(300, 3))
    truth = (generator.random((300, 3)) < p).astype(np.float32)
    truth[:100, 1] = np.nan
    truth[:, 2] = np.nan
    found = calibrations(truth, p, np.arange(300), classes=CLASSES, seed=0, replicates=200)
    assert [one.n_studies for one in found.findings] == [300, 200, 0]
    assert found.findings[2].slope.note == "no study"
    expected = [found.findings[k].errors[0].expected.value or 0 for k in (0, 1)]
    assert found.classwise_error.value == pytest.approx(np.mean(expected))


def test_nothing_known_of_any_label() -> None:
    truth = np.full((5, 3), np.nan, dtype=np.float32)
    found = calibrations(truth, np.full((5, 3), 0.5), np.arange(5), classes=CLASSES, seed=0, replicates=200)
    assert found.classwise_error.value is None
    assert found.classwise_error.note
