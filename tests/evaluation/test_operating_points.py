from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medtransfer.evaluation.intervals import wilson
from medtransfer.evaluation.operating_points import at_threshold, confusion
from medtransfer.evaluation.proportions import clopper_pearson


@pytest.mark.real_data
def test_rates_of_asah_at_a_published_threshold(asah: pd.DataFrame) -> None:
    truth = (asah["outcome"] == "Poor").to_numpy(dtype=bool)
    score = asah["s100b"].to_numpy(dtype=float)
    sensitivity, specificity, *_ = at_threshold(truth, score, 0.205, np.arange(truth.size))
    assert sensitivity.value == pytest.approx(0.6341463, abs=5e-8)
    assert specificity.value == pytest.approx(0.8055556, abs=5e-8)


def test_rates_of_a_published_table() -> None:
    # epiR's example 670, 202, 74, 640: sensitivity .90, specificity .76, PPV .76835, NPV .89636.
    truth = np.repeat([True, False, True, False], [670, 202, 74, 640])
    p = np.repeat([0.9, 0.9, 0.1, 0.1], [670, 202, 74, 640])
    counts = confusion(truth, p, 0.5)
    assert (counts.true_positive, counts.false_positive) == (670, 202)
    assert (counts.false_negative, counts.true_negative) == (74, 640)
    rates = at_threshold(truth, p, 0.5, np.arange(truth.size))
    values = [670 / 744, 640 / 842, 0.76835, 0.89636, 872 / 1586]
    assert [one.value for one in rates] == pytest.approx(values, abs=5e-6)
    assert [one.name for one in rates] == ["sensitivity", "specificity", "PPV", "NPV", "alert rate"]
    assert (rates[0].low, rates[0].high) == pytest.approx(wilson(670, 744))
    assert {one.method for one in rates} == {"Wilson"}
    exact = at_threshold(truth, p, 0.5, np.arange(truth.size), interval="clopper_pearson")
    assert (exact[1].low, exact[1].high) == pytest.approx(clopper_pearson(640, 842))


def test_at_the_threshold_is_positive() -> None:
    counts = confusion(np.array([True, False]), np.array([0.5, np.nextafter(0.5, 0)]), 0.5)
    assert (counts.true_positive, counts.true_negative) == (1, 1)


def test_what_cannot_be_estimated_says_so() -> None:
    rates = at_threshold(np.array([False, False]), np.array([0.1, 0.2]), 0.5, np.arange(2))
    assert rates[0].value is None
    assert rates[0].note == "no positive study"
    assert rates[2].note == "no study was called positive"
